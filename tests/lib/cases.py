"""cases - recorded requests with what is expected, and the CA that they ask about.

data/pki has that CA's key and the list of its certificates; the certificates themselves are made
anew, with the same names and serials, so that they never expire.

An .expect file: alternatives parted by "||", of which one has to hold; in an alternative all
key=value have to hold; behind "#" why, and how hard the rule is.
"""
import csv
import os

import ocsp
import pki
from responder import DATA, Responder

CA_NAME = pki.x509.Name([
    pki.x509.NameAttribute(pki.NameOID.COUNTRY_NAME, 'XX'),
    pki.x509.NameAttribute(pki.NameOID.ORGANIZATION_NAME, 'OCSP Interop Test'),
    pki.x509.NameAttribute(pki.NameOID.COMMON_NAME, 'Test Issuing CA rsa')])


def make_responder(**config):
    """The responder that the cases are written for: 19 certificates in its table."""
    key = pki.load_key(os.path.join(DATA, 'pki', 'ca.key'))
    responder = Responder(ca=pki.make_root(name=CA_NAME, key=key), **config)
    leaf_key = pki.make_key()
    with open(os.path.join(DATA, 'pki', 'leaves.tsv')) as f:
        for row in csv.DictReader(f, delimiter='\t'):
            if row['status'] == 'Unknown':
                continue
            leaf = responder.ca.issue('leaf-' + row['no'], serial=int(row['serial'], 16),
                                      key=leaf_key)
            if row['status'] == 'Valid':
                responder.add(leaf)
            else:
                responder.add(leaf, status='Revoked', when=sql_time(row['revoked_at']),
                              reason=None if row['reason'] == '-' else row['reason'])
    return responder


def sql_time(text):
    """20261102060000Z as SQL writes it. Years are set back, so that no revocation lies ahead."""
    return '2020-%s-%s %s:%s:%s' % (text[4:6], text[6:8], text[8:10], text[10:12], text[12:14])


def read(folder, suffix):
    """(name, octets, expectation, reason) of every case of a folder of data."""
    base = os.path.join(DATA, folder)
    for file in sorted(os.listdir(base)):
        if file.endswith(suffix):
            name = file[:-len(suffix)]
            with open(os.path.join(base, file), 'rb') as f:
                octets = f.read()
            with open(os.path.join(base, name + '.expect')) as f:
                expect, _, why = f.read().partition('#')
            yield name, octets, expect.strip(), why.strip()


def alternatives(expect):
    """[[(key, value), …], …]"""
    return [[tuple(word.split('=', 1)) for word in alternative.split()]
            for alternative in expect.split('||')]


def single_matches(want, single):
    """want: "good", "revoked(1)", "revoked(-|0)", or "*" for any."""
    status, _, reasons = want.rstrip(')').partition('(')
    if status == '*':
        return True
    reason = '-' if single.reason is None else str(single.reason)
    return status == single.status and (not reasons or reason in reasons.split('|'))


def response_matches(key, value, response, asked_nonce):
    """Does a part of an alternative hold that is about the OCSP response (None: there is none)?"""
    if key == 'status':
        return value == '-' or (response is not None and response.status in value.split('|'))
    if response is None or response.code:
        return False
    if key == 'certs':
        wants = value.split(',')
        return (len(wants) == len(response.singles) and
                all(map(single_matches, wants, response.singles)))
    assert key == 'nonce', 'unknown key %r in an .expect file' % key
    if value == 'any':
        return True
    if value in ('none', 'echo'):
        return response.nonce == (asked_nonce if value == 'echo' else None)
    return response.nonce is not None and len(response.nonce) == int(value)


def decode(body):
    """The OCSP response in a body, or None if there is none."""
    return ocsp.Response(body) if body[:1] == b'\x30' else None
