"""pki - throw-away certificates, made anew for every run: no test depends on today's date."""
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as pyca_ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def make_key(kind='p256'):
    if kind.startswith('rsa'):
        return rsa.generate_private_key(65537, int(kind[3:] or 2048))
    if kind == 'ed25519':
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({'p256': ec.SECP256R1(), 'p384': ec.SECP384R1(),
                                    'p521': ec.SECP521R1(),
                                    'brainpool': ec.BrainpoolP256R1()}[kind])


def key_pem(key, password=None):
    how = (serialization.BestAvailableEncryption(password) if password
           else serialization.NoEncryption())
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def make_name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, 'XX'),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Test'),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _digest(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def key_usage(*names):
    flags = ('digital_signature', 'content_commitment', 'key_encipherment', 'data_encipherment',
             'key_agreement', 'key_cert_sign', 'crl_sign', 'encipher_only', 'decipher_only')
    return x509.KeyUsage(**{f: f in names for f in flags})


class Entity:
    """A certificate and its key; a CA can issue others."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @property
    def serial(self):
        return self.certificate.serial_number

    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)

    def der(self):
        return self.certificate.public_bytes(Encoding.DER)

    def key_pem(self, password=None):
        return key_pem(self.key, password)

    def issue(self, common_name, serial=None, key=None, kind='p256', start=None, end=None,
              extensions=(), name=None):
        """A certificate of this CA. extensions: (value, critical) pairs."""
        key = key or make_key(kind)
        start, end = start or now() - DAY, end or now() + 90 * DAY
        builder = (x509.CertificateBuilder()
                   .subject_name(name or make_name(common_name))
                   .issuer_name(self.certificate.subject)
                   .public_key(key.public_key())
                   .serial_number(serial or x509.random_serial_number())
                   .not_valid_before(start).not_valid_after(end))
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        return Entity(builder.sign(self.key, _digest(self.key)), key)

    def issue_ca(self, common_name, **options):
        return self.issue(common_name, extensions=CA_EXTENSIONS, **options)

    def issue_responder(self, common_name='Responder', ocsp_signing=True, **options):
        usage = ExtendedKeyUsageOID.OCSP_SIGNING if ocsp_signing else ExtendedKeyUsageOID.SERVER_AUTH
        return self.issue(common_name, extensions=[
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage('digital_signature'), True),
            (x509.ExtendedKeyUsage([usage]), False),
            (x509.OCSPNoCheck(), False)], **options)

    def answer(self, issued, start=None, end=None, revoked_at=None):
        """An OCSP answer about a certificate, DER: what a root's operator makes offline. end: False
        for none."""
        start = start or now() - DAY / 24
        status = pyca_ocsp.OCSPCertStatus.REVOKED if revoked_at else pyca_ocsp.OCSPCertStatus.GOOD
        return (pyca_ocsp.OCSPResponseBuilder()
                .add_response(issued.certificate, self.certificate, hashes.SHA1(),
                              status, start, None if end is False else end or start + 30 * DAY,
                              revoked_at, None)
                .responder_id(pyca_ocsp.OCSPResponderEncoding.HASH, self.certificate)
                .sign(self.key, _digest(self.key)).public_bytes(Encoding.DER))


CA_EXTENSIONS = (
    (x509.BasicConstraints(ca=True, path_length=None), True),
    (key_usage('digital_signature', 'key_cert_sign', 'crl_sign'), True),
)


def make_root(common_name='Root', kind='p256', key=None, name=None, start=None, end=None,
              extensions=CA_EXTENSIONS):
    key = key or make_key(kind)
    name = name or make_name(common_name)
    start, end = start or now() - DAY, end or now() + 3650 * DAY
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(start).not_valid_after(end))
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return Entity(builder.sign(key, _digest(key)), key)


def load_key(path):
    with open(path, 'rb') as f:
        return serialization.load_pem_private_key(f.read(), None)


def write(folder, name, octets, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, 'wb') as f:
        f.write(octets)
    os.chmod(path, mode)
    return path
