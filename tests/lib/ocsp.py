"""ocsp - writes OCSP requests, reads OCSP responses and looks for faults in them (RFC 6960).

Responses are read twice: by the strict DER reader beside this file, and by python3-cryptography.
Signatures are checked by python3-cryptography.
"""
import calendar
import hashlib
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509 import ocsp as pyca_ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

import der

HASHES = {
    'sha1': '1.3.14.3.2.26',
    'sha256': '2.16.840.1.101.3.4.2.1',
    'sha384': '2.16.840.1.101.3.4.2.2',
    'sha512': '2.16.840.1.101.3.4.2.3',
    'md5': '1.2.840.113549.2.5',
}
BASIC = '1.3.6.1.5.5.7.48.1.1'
NONCE = '1.3.6.1.5.5.7.48.1.2'
ARCHIVE_CUTOFF = '1.3.6.1.5.5.7.48.1.6'
EXTENDED_REVOKE = '1.3.6.1.5.5.7.48.1.9'
REASON_CODE = '2.5.29.21'

STATUS = {0: 'successful', 1: 'malformedRequest', 2: 'internalError', 3: 'tryLater',
          5: 'sigRequired', 6: 'unauthorized'}

# Signature algorithm: the hash, and the AlgorithmIdentifier's exact octets.
SIGNATURES = {
    '1.2.840.113549.1.1.11': (hashes.SHA256(), '300d06092a864886f70d01010b0500'),
    '1.2.840.113549.1.1.12': (hashes.SHA384(), '300d06092a864886f70d01010c0500'),
    '1.2.840.113549.1.1.13': (hashes.SHA512(), '300d06092a864886f70d01010d0500'),
    '1.2.840.10045.4.3.2': (hashes.SHA256(), '300a06082a8648ce3d040302'),
    '1.2.840.10045.4.3.3': (hashes.SHA384(), '300a06082a8648ce3d040303'),
    '1.2.840.10045.4.3.4': (hashes.SHA512(), '300a06082a8648ce3d040304'),
    '1.3.101.112': (None, '300506032b6570'),
}


def subject_der(certificate):
    return certificate.subject.public_bytes()


def key_bits(certificate):
    """The value of the public key's BIT STRING: what the standards hash (RFC 6960 4.1.1)."""
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der.parse(spki)[1].body[1:]


# --- requests

def certid(issuer, serial, algorithm='sha1', params=der.NULL):
    """CertID of a serial (a number, or an INTEGER's octets) that issuer has issued."""
    def digest(octets):
        return hashlib.new(algorithm, octets).digest()

    return der.sequence(
        der.sequence(der.oid(HASHES[algorithm]), params),
        der.octets(digest(subject_der(issuer))),
        der.octets(digest(key_bits(issuer))),
        serial if isinstance(serial, bytes) else der.integer(serial))


def extension(oid, value, critical=None):
    flag = b'' if critical is None else der.tlv(1, b'\xff' if critical else b'\0')
    return der.sequence(der.oid(oid), flag, der.octets(value))


def nonce(value):
    return extension(NONCE, der.octets(value))


def request(certids, *extensions):
    """An OCSPRequest for one CertID, or for a list of them."""
    if isinstance(certids, bytes):
        certids = [certids]
    last = der.tlv(0xa2, der.sequence(*extensions)) if extensions else b''
    return der.sequence(der.sequence(der.sequence(*[der.sequence(c) for c in certids]), last))


def read_request(octets):
    """(CertIDs, nonce) of a request, as far as they can be read; else (None, None)."""
    try:
        ids, value = None, None
        for part in der.parse(octets)[0].kids:
            if part.tag == 0x30:
                ids = [single[0].raw for single in part.kids]
            if part.tag == 0xa2:
                for ext in part[0].kids:
                    if ext[0].oid() == NONCE:
                        value = der.parse(ext.kids[-1].body).body
        return ids, value
    except (der.DERError, IndexError):
        return None, None


# --- responses

def _time(node):
    if node.tag != 0x18:
        raise der.DERError('not a GeneralizedTime')
    return calendar.timegm(time.strptime(node.body.decode(), '%Y%m%d%H%M%SZ'))


def _extensions(node):
    """{OID: (value, critical)} of [1] EXPLICIT Extensions."""
    found = {}
    for ext in node[0].kids:
        if ext[0].oid() in found:
            raise der.DERError('extension %s twice' % ext[0].oid())
        if len(ext) == 3 and ext[1].raw != b'\x01\x01\xff':
            raise der.DERError('an extension spells FALSE out')
        found[ext[0].oid()] = (ext.kids[-1].body, len(ext) == 3)
    if not found:
        raise der.DERError('extensions are present and empty')
    return found


class Single:
    def __init__(self, node):
        kids = list(node.kids)
        self.certid = kids.pop(0).raw
        self.serial = der.parse(self.certid)[3].integer()
        status = kids.pop(0)
        self.reason = self.revoked_at = self.next_update = None
        self.status = {0x80: 'good', 0x82: 'unknown', 0xa1: 'revoked'}[status.tag]
        if self.status == 'revoked':
            self.revoked_at = _time(status[0])
            if len(status) > 1:
                self.reason = status[1][0].integer()
        elif status.body:
            raise der.DERError('%s is not an empty NULL' % self.status)
        self.this_update = _time(kids.pop(0))
        if kids and kids[0].tag == 0xa0:
            self.next_update = _time(kids.pop(0)[0])
        self.extensions = {}
        if kids and kids[0].tag == 0xa1:
            self.extensions = _extensions(kids.pop(0))
        if kids:
            raise der.DERError('SingleResponse has a field too many')

    def __str__(self):
        return self.status if self.reason is None else '%s(%d)' % (self.status, self.reason)


class Response:
    """A response, read strictly: what isn't DER, or isn't what RFC 6960 draws, raises DERError."""

    def __init__(self, octets):
        self.der = octets
        self.singles, self.extensions, self.certs, self.nonce = [], {}, [], None
        try:
            self._read()
        except (IndexError, KeyError, ValueError) as error:
            raise der.DERError('not an OCSPResponse: %r' % error)

    def _read(self):
        top = der.parse(self.der)
        if top.tag != 0x30 or top[0].tag != 0x0a:
            raise der.DERError('not an OCSPResponse')
        self.code = top[0].integer()
        self.status = STATUS[self.code]
        if self.code:
            if len(top) > 1:
                raise der.DERError('an error response carries responseBytes (O-2)')
            return
        if top[1].tag != 0xa0 or top[1][0][0].oid() != BASIC:
            raise der.DERError('responseType is not id-pkix-ocsp-basic (O-1)')
        basic = der.parse(top[1][0][1].body)
        self.tbs, self.algorithm = basic[0].raw, basic[1]
        self.signature = basic[2].body[1:]
        if len(basic) > 3:
            if basic[3].tag != 0xa0 or not basic[3][0].kids:
                raise der.DERError('certs is present and empty (O-21)')
            self.certs = [x509.load_der_x509_certificate(c.raw) for c in basic[3][0].kids]
        self._read_data(list(basic[0].kids))

    def _read_data(self, kids):
        if kids[0].tag == 0xa0:
            raise der.DERError('version v1 is DEFAULT and has to be left out (O-18)')
        responder = kids.pop(0)
        self.by = {0xa1: 'name', 0xa2: 'key'}[responder.tag]
        self.responder = responder[0].raw if self.by == 'name' else responder[0].body
        self.produced_at = _time(kids.pop(0))
        self.singles = [Single(s) for s in kids.pop(0).kids]
        if not self.singles:
            raise der.DERError('no SingleResponse')
        if kids and kids[0].tag == 0xa1:
            self.extensions = _extensions(kids.pop(0))
        if kids:
            raise der.DERError('ResponseData has a field too many')
        if NONCE in self.extensions:
            self.nonce = der.parse(self.extensions[NONCE][0]).body

    def __str__(self):
        if self.code:
            return self.status
        return ','.join(map(str, self.singles))

    def faults(self, issuer, certids=None, asked_nonce=None, now=None):
        """Everything wrong with a successful response, for a client that knows issuer and has
        asked for certids with asked_nonce. An empty list is what one wants."""
        now = now or time.time()
        found = _time_faults(self, now)
        found += self._signer_faults(issuer, now)
        if certids is not None and [s.certid for s in self.singles] != certids:
            found.append('the CertIDs are not those that were asked for, octet by octet (O-20, O-23)')
        if self.nonce is not None and self.nonce != asked_nonce:
            found.append('a nonce that was not asked for (N-5)')
        for extensions in [self.extensions] + [s.extensions for s in self.singles]:
            found += ['critical extension %s (U-14)' % o for o, e in extensions.items() if e[1]]
        found += ['singleExtensions with a reasonCode (B-16)' for s in self.singles
                  if REASON_CODE in s.extensions]
        return found + self._second_opinion()

    def _signer_faults(self, issuer, now):
        for cert in self.certs + [issuer]:
            name = subject_der(cert) if self.by == 'name' else hashlib.sha1(key_bits(cert)).digest()
            if name == self.responder:
                break
        else:
            return ['responderID names no certificate that a client has (O-19)']
        try:
            verify(cert.public_key(), self.algorithm, self.signature, self.tbs)
        except (InvalidSignature, KeyError) as error:
            return ['the signature does not verify: %r (O-22)' % error]
        if cert == issuer:
            return []
        return _delegate_faults(self, cert, issuer, now)

    def _second_opinion(self):
        other = pyca_ocsp.load_der_ocsp_response(self.der)
        mine = [(s.serial, s.status) for s in self.singles]
        theirs = [(s.serial_number, s.certificate_status.name.lower()) for s in other.responses]
        return [] if mine == theirs else ['python3-cryptography reads %r' % theirs]


def _time_faults(response, now):
    found = []
    if response.produced_at > now + 1:
        found.append('producedAt in the future')
    for s in response.singles:
        if s.this_update > response.produced_at:
            found.append('thisUpdate after producedAt (O-24)')
        if s.next_update is None:
            found.append('no nextUpdate (L-11)')
        elif not s.this_update < s.next_update:
            found.append('nextUpdate not after thisUpdate (O-24)')
        elif s.next_update <= now:
            found.append('nextUpdate has passed (U-4)')
    return found


def _delegate_faults(response, cert, issuer, now):
    found = []
    if cert.issuer != issuer.subject:
        found.append('the responder certificate is not issued by the CA (O-3)')
    try:
        verify(issuer.public_key(), der.parse(cert.public_bytes(serialization.Encoding.DER))[1],
               cert.signature, cert.tbs_certificate_bytes)
    except InvalidSignature:
        found.append('the responder certificate is not signed by the CA (O-3)')
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
        found.append('the responder certificate lacks OCSPSigning (O-11)')
    end = calendar.timegm(_ends_at(cert).timetuple())
    if end < now or any(s.next_update > end for s in response.singles):
        found.append('the response outlives the responder certificate (M-2, U-9)')
    return found


def _ends_at(cert):
    # the other name is deprecated since python3-cryptography 42
    return getattr(cert, 'not_valid_after_utc', None) or cert.not_valid_after


def verify(public_key, algorithm, signature, data):
    """Raises InvalidSignature; KeyError for an algorithm that we never use."""
    digest, exact = SIGNATURES[algorithm[0].oid()]
    if algorithm.raw.hex() != exact:
        raise KeyError('AlgorithmIdentifier is %s, not %s (B-17)' % (algorithm.raw.hex(), exact))
    if digest is None:
        public_key.verify(signature, data)
    elif isinstance(public_key, ec.EllipticCurvePublicKey):
        public_key.verify(signature, data, ec.ECDSA(digest))
    else:
        public_key.verify(signature, data, padding.PKCS1v15(), digest)
