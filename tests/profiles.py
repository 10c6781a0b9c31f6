#!/usr/bin/python3
"""profile=: other defaults, what it refuses at "ocspctl check" and at every start, and what it
advises against; with the sentence that names the rule."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

import der
import ocsp
import pki
import tap
from responder import Responder

r = Responder()
leaf = r.add(r.ca.issue('leaf'))
ABSENT = leaf.serial + 1
BR = 'Baseline Requirements '
EX_NOPERM, EX_CONFIG = 77, 78


def checked():
    return r.ctl('check').stdout.decode().splitlines()


# what this very set-up is warned about, whatever the profile is
ANYWAY = set(checked())


def check(worst):
    """What ocspctl check says besides. worst: 0 that all is well, 1 a warning, 2 an error."""
    said = [line for line in checked() if line not in ANYWAY]
    words = {line.split()[0] for line in said}
    tap.equal(2 if 'error' in words else int('warning' in words), worst, said)
    return '\n'.join(said)


def refused(*sentences, **keys):
    """By ocspctl check, and by both programs that serve: nothing is signed."""
    with r.configured(**keys):
        out = check(2)
        for sentence in sentences:
            tap.contains(out, sentence, keys)
        done = r.run('ocsp-sign', octets=r.request(leaf))
        tap.equal(done.returncode, EX_CONFIG, str(keys))
        # who asked may know an answer
        tap.equal(done.stdout, b'', str(keys))
        done = r.run('ocsp-stdio', octets=r.request(leaf))
        if done.stdout:
            wanted = 'tryLater' if done.returncode == 0 else 'internalError'
            tap.equal(ocsp.Response(done.stdout).status, wanted, keys)
        else:
            # without a configuration it would run as user pycert, who may not exist here
            tap.equal(done.returncode, EX_NOPERM, keys)
            tap.contains(done.stderr.decode(), sentences[0], keys)


def accepted(**keys):
    with r.configured(**keys):
        out = check(0)
        tap.equal(str(r.ask_about(leaf)), 'good', keys)
        return out


def advised(sentence, **keys):
    with r.configured(**keys):
        tap.contains(check(1), sentence, keys)
        tap.equal(str(r.ask_about(leaf)), 'good', 'advice is no refusal')


# --- defaults

@tap.test('without profile=: as the predecessor, which is rfc9919: unauthorized, no nonce, a day')
def default():
    for profile in (None, 'rfc9919', 'private', 'br'):
        with r.configured(profile=profile, producetime=None):
            check(0)
            tap.equal(r.ask(r.request(ABSENT)).status, 'unauthorized', profile)
            response = r.ask(r.request(leaf, ocsp.nonce(bytes(32))))
            tap.equal((str(response), response.nonce), ('good', None), profile)
            single = response.singles[0]
            tap.equal(single.next_update - single.this_update, 86399, profile)
            tap.equal(single.this_update, response.produced_at, profile)


@tap.test('profile=rfc6960: unknown and the nonce, unless a key says otherwise (C-1, N-9)')
def rfc6960():
    with r.configured(profile='rfc6960'):
        check(0)
        tap.equal(str(r.ask_about(ABSENT)), 'unknown')
        tap.equal(r.ask(r.request(leaf, ocsp.nonce(bytes(32)))).nonce, bytes(32))
    with r.configured(profile='rfc6960', unknown='unauthorized', nonce='ignore'):
        tap.equal(r.ask(r.request(ABSENT)).status, 'unauthorized')
        tap.equal(r.ask(r.request(leaf, ocsp.nonce(bytes(32)))).nonce, None)
    with r.configured(profile='rfc6960', unknown='revoked'):
        check(0)
        tap.equal(str(r.ask_about(ABSENT)), 'revoked(6)')


# --- what can't be said beside it

@tap.test('profile=br: answers are valid for 8 hours to 7 days (B-2, M-1, M-7, C-4)')
def br_validity():
    refused('[ocsp] producetime', '8 hours', BR + '4.9.9', profile='br', producetime='7h')
    refused('[ocsp] producetime', '7 days', 'Microsoft 3.2.2', profile='br', producetime='8d')
    refused('[ocsp] producetime', '7 days', profile='br', producetime='10d')
    for period, seconds in (('8h', 28800), ('7d', 604800)):
        accepted(profile='br', producetime=period)
        with r.configured(profile='br', producetime=period):
            single = r.ask_about(leaf).singles[0]
            tap.equal(single.next_update - single.this_update + 1, seconds, 'B-2: inclusive')


@tap.test('profile=br: the same holds for every CA')
def br_other_ca():
    r.add_ca('other', pki.make_root('Other'), producetime='8d')
    try:
        refused('[ca other] producetime', profile='br')
    finally:
        del r.cas['other']
        r.configure()


@tap.test('profile=br: a backdated answer leaves time for the next (B-4, B-5)')
def br_backdate():
    refused('backdate', 'a quarter of producetime', profile='br', producetime='8h', backdate='3h')
    accepted(profile='br', producetime='8h', backdate='2h')


@tap.test('profile=br: no unknown=revoked, which is certificateHold (C-2, B-11)')
def br_extended_revoke():
    refused('unknown=revoked', BR + '4.9.13, 7.2.2', profile='br', unknown='revoked')
    accepted(profile='br', unknown='unknown')


@tap.test('other profiles leave validity and unknown= to the operator')
def others():
    for profile in ('rfc9919', 'rfc6960', 'private'):
        accepted(profile=profile, producetime='1h')
        accepted(profile=profile, producetime='1y')
    accepted(profile='private', unknown='revoked')


# --- what it advises against

@tap.test('advice: unknown= under rfc9919, times that do not fit together (C-1, L-10, L-16)')
def advice():
    advised('RFC 9919 3.2.3', unknown='unknown')
    advised('RFC 9919 3.2.3', unknown='revoked')
    advised('a quarter of producetime', backdate='7h')
    advised('RFC 9919 7.1', maxage='13h')
    advised('recheck is longer than maxage', recheck='10min')
    advised(BR + '7.3', profile='br', verify='no')


@tap.test('a backdate of more than a quarter is a quarter (U-7)')
def quarter():
    with r.configured(backdate='7h'):
        response = r.ask_about(leaf)
        tap.equal(response.produced_at - response.singles[0].this_update, 6 * 3600)


# --- certificates that sign

def with_key_usage(*names, critical=True):
    return pki.key_usage(*names), critical


def shape(**change):
    """The extensions of a delegated responder as 7.1.2.8 wants them, with changes: None: absent."""
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(r.ca.certificate.public_key())
    good = {'aki': (identifier, False), 'usage': with_key_usage('digital_signature'),
            'purpose': (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
            'nocheck': (x509.OCSPNoCheck(), False), 'basic': None}
    return [e for e in dict(good, **change).values() if e]


def delegate(extensions=(), by=None, **options):
    return use((by or r.ca).issue('Responder', extensions=extensions, **options))


def use(entity):
    r.write('issuer.pem', r.ca.pem())
    r.write('responder.pem', entity.pem())
    r.write('responder.key', entity.key_pem())
    return {'cert': 'responder.pem', 'pkey': 'responder.key', 'issuer': 'issuer.pem'}


def place(method):
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(method, x509.UniformResourceIdentifier('http://example.test/'))])


POINTS = x509.CRLDistributionPoints([x509.DistributionPoint(
    [x509.UniformResourceIdentifier('http://example.test/crl')], None, None, None)])
PURPOSES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH])
NAMES = [x509.DNSName('example.test')]
FAULTS = {
    'another purpose besides': {'purpose': (PURPOSES, False)},
    'a key usage that is not critical': {'usage': with_key_usage('digital_signature',
                                                                 critical=False)},
    'a key usage too many': {'usage': with_key_usage('digital_signature', 'content_commitment')},
    'no key usage': {'usage': None},
    'no nocheck': {'nocheck': None},
    'a critical nocheck': {'nocheck': (x509.OCSPNoCheck(), True)},
    'a nocheck with something in it': {'nocheck': (x509.UnrecognizedExtension(
        x509.ObjectIdentifier('1.3.6.1.5.5.7.48.1.5'), b'\x04\x00'), False)},
    'basic constraints of a CA': {'basic': (x509.BasicConstraints(True, None), True)},
    'no authority key identifier': {'aki': None},
    'a subject alternative name': {'san': (x509.SubjectAlternativeName(NAMES), False)},
    'name constraints': {'nc': (x509.NameConstraints(NAMES, None), True)},
    'CRL distribution points': {'crldp': (POINTS, False)},
}


@tap.test('profile=br: a delegated certificate in the shape of 7.1.2.8 signs (B-20, M-5)')
def br_shape():
    accepted(profile='br', **delegate(shape()))
    accepted(profile='br', **delegate(shape(basic=(x509.BasicConstraints(False, None), True))))


def br_fault(change):
    refused('7.1.2.8', profile='br', **delegate(shape(**change)))


for name, change in FAULTS.items():
    tap.add('profile=br: a delegated certificate with %s is refused (B-20)' % name, br_fault, change)


@tap.test('profile=br: what a delegated certificate need not have is spoken of (B-20)')
def br_not_recommended():
    policy = x509.PolicyInformation(x509.ObjectIdentifier('2.23.140.1.2.1'), None)
    advised('authority information access', profile='br', **delegate(shape(
        aia=(place(AuthorityInformationAccessOID.CA_ISSUERS), False))))
    advised('certificate policies', profile='br', **delegate(shape(
        policies=(x509.CertificatePolicies([policy]), False))))


@tap.test('other profiles: without nocheck, or with pointers beside it, a warning (L-8, O-25)')
def nocheck():
    advised('lacks the extension id-pkix-ocsp-nocheck', **delegate(shape(nocheck=None)))
    advised('RFC 9919 3.2.2', **delegate(shape(crldp=(POINTS, False))))
    advised('RFC 9919 3.2.2', **delegate(shape(aia=(place(AuthorityInformationAccessOID.OCSP),
                                                   False))))
    accepted(**delegate(shape(aia=(place(AuthorityInformationAccessOID.CA_ISSUERS), False))))


@tap.test('profile=br: a CA without digitalSignature signs no answers; others are warned (B-19)')
def key_usage():
    usage = (x509.BasicConstraints(True, None), True), with_key_usage('key_cert_sign', 'crl_sign')
    ca = pki.make_root('No signature', extensions=usage)
    r.write('ku.pem', ca.pem())
    r.write('ku.key', ca.key_pem())
    before = r.ca
    try:
        r.ca = ca
        refused('7.1.2.10.7', profile='br', cert='ku.pem', pkey='ku.key')
        with r.configured(cert='ku.pem', pkey='ku.key'):
            tap.contains(check(1), 'digitalSignature')
    finally:
        r.ca = before


@tap.test('profile=br: keys of 6.1.5, AlgorithmIdentifiers of 7.1.3.2 octet by octet (B-17, M-3, C-9)')
def keys():
    for kind in ('rsa', 'p256', 'p384', 'p521'):
        accepted(profile='br', **delegate(shape(), kind=kind))     # faults() compares the octets
    refused('2048 bits', '6.1.5', profile='br', **delegate(shape(), kind='rsa1024'))
    refused('P-256, P-384 and P-521', '6.1.5', profile='br', **delegate(shape(), kind='brainpool'))
    advised('7.1.3.2', profile='br', **delegate(shape(), kind='ed25519'))
    accepted(profile='private', **delegate(shape(), kind='ed25519'))


@tap.test('profile=br: a delegated certificate signed with SHA-1 is refused (M-4)')
def sha1_certificate():
    entity = r.ca.issue('Responder', extensions=shape())
    # signed here: python3-cryptography makes no such certificates any more
    ecdsa_with_sha1 = der.sequence(der.oid('1.2.840.10045.4.1'))
    items = [item.raw for item in der.parse(entity.certificate.tbs_certificate_bytes)]
    tbs = der.sequence(*items[:2], ecdsa_with_sha1, *items[3:])
    signature = der.tlv(0x03, b'\0' + r.ca.key.sign(tbs, ec.ECDSA(hashes.SHA1())))
    entity.certificate = x509.load_der_x509_certificate(
        der.sequence(tbs, ecdsa_with_sha1, signature))
    refused('7.1.3.2', profile='br', **use(entity))


# --- rows

@tap.test('profile=br: certificateHold and other reasons of no subscriber are left out (B-11, B-15)')
def br_reasons():
    kept = {'key_compromise': 1, 'affiliation_changed': 3, 'superseded': 4,
            'cessation_of_operation': 5, 'privilege_withdrawn': 9}
    for word in list(kept) + [None, 'unspecified', 'ca_compromise', 'certificate_hold',
                              'aa_compromise']:
        r.revoke(leaf, reason=word)
        try:
            r.clear_log()
            with r.configured(profile='br'):
                response = r.ask_about(leaf)
                tap.equal((response.singles[0].status, response.singles[0].reason),
                          ('revoked', kept.get(word)), word)
            if word in ('ca_compromise', 'certificate_hold', 'aa_compromise'):
                tap.contains(r.log(), BR, word)
        finally:
            r.unrevoke(leaf)


@tap.test("profile=br: a revoked CA's certificate without a reason is a fault that is told (C-3, B-14)")
def br_ca_reason():
    sub = r.add(r.ca.issue_ca('Sub CA'))
    for reason, told in ((None, True), ('unspecified', True), ('certificate_hold', True),
                         ('cessation_of_operation', False)):
        r.revoke(sub, reason=reason)
        r.clear_log()
        with r.configured(profile='br'):
            tap.equal(r.ask_about(sub).singles[0].status, 'revoked', reason)
        tap.equal('7.3' in r.log(), told, reason)
    r.revoke(sub, reason=None)
    r.clear_log()
    with r.configured():
        r.ask_about(sub)
    assert '7.3' not in r.log()


@tap.test('profile=br: a nonce of more than 32 octets is answered without it (C-5, B-10)')
def br_nonce():
    for length, back in ((1, True), (32, True), (33, False), (128, False)):
        value = os.urandom(length)
        with r.configured(profile='br', nonce='echo'):
            response = r.ask(r.request(leaf, ocsp.nonce(value)))
        tap.equal((str(response), response.nonce), ('good', value if back else None), length)
    with r.configured(profile='br', nonce='echo'):
        for length in (0, 129):
            tap.equal(r.ask(r.request(leaf, ocsp.nonce(bytes(length)))).status, 'malformedRequest')


tap.run(r.close)
