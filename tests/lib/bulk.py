"""bulk - many certificates at once: one is made, the others differ from it in serial and signature.

    rows(ca, 1000)       yields (serial, DER)
    fill(responder, n)   puts n of them into its table
"""
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import der

SERIAL_LEN = 16
# Rows of one INSERT.
CHUNK = 500


def sign(key, octets):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(octets, ec.ECDSA(hashes.SHA256()))


def serials(n):
    """Positive, all of one length, none twice."""
    for i in range(n):
        yield (0x40 << 120) | secrets.randbits(80) << 40 | i


def rows(ca, n, key=None):
    model = ca.issue('leaf', serial=0x40 << 120, key=key).der()
    whole = der.parse(model)
    before, serial, after = whole[0].raw.partition(der.integer(0x40 << 120))
    assert serial and len(serial) == SERIAL_LEN + 2
    for number in serials(n):
        tbs = before + der.integer(number) + after
        yield number, der.sequence(tbs, whole[1].raw, der.tlv(3, b'\0' + sign(ca.key, tbs)))


def blanks(n, size=1000):
    """Rows for a table without certificates (verify=no), as large as with them."""
    for number in serials(n):
        yield number, bytes(size)


def fill(responder, some):
    """Puts rows into the table; returns the serials."""
    numbers, values = [], []

    def flush():
        if values:
            responder.sql('INSERT INTO list_certs (cert_num, cert) VALUES ' + ','.join(values))
            values.clear()

    for number, octets in some:
        numbers.append(number)
        values.append("('%#x', X'%s')" % (number, octets.hex()))
        if len(values) == CHUNK:
            flush()
    flush()
    return numbers
