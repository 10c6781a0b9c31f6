#!/usr/bin/python3
"""Requirements of the standards that no other test looks at: requests written octet by octet, and
answers taken apart by readers that share no code with the programs. docs/conformance.md says which
line is proven where."""
import calendar
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509

import der
import ocsp
import pki
import tap
from responder import Responder

PKIX_OCSP = '1.3.6.1.5.5.7.48.1.'
ACCEPTABLE, SERVICE_LOCATOR, PREFERRED = PKIX_OCSP + '4', PKIX_OCSP + '7', PKIX_OCSP + '8'
UNKNOWN = '1.2.3.4.5'
SHA1_RSA, SHA256_RSA = '1.2.840.113549.1.1.5', '1.2.840.113549.1.1.11'
SHA384_RSA, SHA512_RSA = '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'
MD5_RSA, DSA_SHA1 = '1.2.840.113549.1.1.4', '1.2.840.10040.4.3'

r = Responder(ca=pki.make_root('Test CA', 'rsa'))
leaf = r.add(r.ca.issue('leaf'))
ID = r.certid(leaf)


def tbs(requests, *, before=b'', extensions=None):
    """OCSPRequest of Request items; before: version and requestorName."""
    last = b'' if extensions is None else der.tlv(0xa2, extensions)
    return der.sequence(der.sequence(before, der.sequence(*requests), last))


def status(request):
    return str(r.ask(request))


# --- requests

@tap.test('version: v1 spelled out is taken, others are malformed (O-5)')
def versions():
    for octets, want in ((b'\x00', 'good'), (b'\x01', 'malformedRequest'),
                         (b'\xff', 'malformedRequest'), (b'\x00\x00', 'malformedRequest'),
                         (b'', 'malformedRequest')):
        version = der.tlv(0xa0, der.tlv(0x02, octets))
        tap.equal(status(tbs([der.sequence(ID)], before=version)), want, octets)


@tap.test('a requestorName in an unsigned request is as if absent (L-6)')
def requestor_name():
    name = der.tlv(0xa1, der.tlv(0x82, b'client.test'))
    response = r.ask(tbs([der.sequence(ID)], before=name))
    tap.equal((str(response), response.faults(r.ca.certificate, [ID])), ('good', []))


@tap.test('a signed request is answered, whether its signature is right or wrong (O-17, L-6)')
def signed_request():
    name = der.tlv(0xa1, der.tlv(0x82, b'client.test'))
    inner = der.sequence(name, der.sequence(der.sequence(ID)))
    algorithm = der.sequence(der.oid(SHA256_RSA), der.NULL)
    signature = der.sequence(algorithm, der.tlv(0x03, b'\0' + bytes(256)))
    tap.equal(status(der.sequence(inner, der.tlv(0xa0, signature))), 'good')
    for broken in (b'', der.sequence(), der.sequence(algorithm), signature + signature):
        tap.equal(status(der.sequence(inner, der.tlv(0xa0, broken))), 'malformedRequest')


@tap.test('a critical extension that is not understood is refused in each place, else ignored (O-15)')
def critical():
    for oid in (UNKNOWN, SERVICE_LOCATOR):
        for flag, want in ((None, 'good'), (False, 'good'), (True, 'malformedRequest')):
            extension = der.sequence(ocsp.extension(oid, der.NULL, flag))
            whole = tbs([der.sequence(ID)], extensions=extension)
            single = tbs([der.sequence(ID, der.tlv(0xa0, extension))])
            tap.equal(status(whole), want, '%s, of the request, critical %s' % (oid, flag))
            tap.equal(status(single), want, '%s, of a certificate, critical %s' % (oid, flag))
    second = tbs([der.sequence(ID), der.sequence(ID, der.tlv(0xa0, der.sequence(
        ocsp.extension(UNKNOWN, der.NULL, True))))])
    tap.equal(status(second), 'malformedRequest', 'of the second certificate')


@tap.test('extensions that are understood may be critical: nonce, acceptable responses, preferences')
def critical_known():
    algorithms = der.sequence(der.sequence(der.sequence(der.oid(SHA256_RSA), der.NULL)))
    for oid, value in ((ocsp.NONCE, der.octets(bytes(32))),
                       (ACCEPTABLE, der.sequence(der.oid(ocsp.BASIC))), (PREFERRED, algorithms)):
        with r.configured(nonce='echo'):
            response = r.ask(r.request(leaf, ocsp.extension(oid, value, True)))
        tap.equal(str(response), 'good', oid)
        tap.equal([o for o, e in response.extensions.items() if e[1]], [], 'U-14')


@tap.test('acceptableResponses without basic: basic all the same (O-29)')
def acceptable():
    other = der.sequence(der.oid(PKIX_OCSP + '99'))
    tap.equal(status(r.request(leaf, ocsp.extension(ACCEPTABLE, other))), 'good')


@tap.test('lengths of indefinite or longer form than needed, wrong tags: malformedRequest (O-5, P-8)')
def not_der():
    good = r.request(leaf)
    inner = good[2:]
    cases = {'indefinite outside': b'\x30\x80' + inner + b'\0\0',
             'indefinite inside': der.sequence(b'\x30\x80' + inner[2:] + b'\0\0'),
             'long form': b'\x30\x81' + good[1:], 'SET': b'\x31' + good[1:],
             'two requests': good + good, 'a NUL behind': good + b'\0',
             'no list': der.sequence(der.sequence()), 'empty list': tbs([]),
             'empty Request': tbs([der.sequence()]),
             'empty extensions': tbs([der.sequence(ID)], extensions=b''),
             'a field too many': der.sequence(der.sequence(der.sequence(der.sequence(ID)), der.NULL)),
             'Request with a field too many': tbs([der.sequence(ID, der.NULL)])}
    for name, octets in cases.items():
        for program, option in (('ocsp-stdio', ['--der']), ('ocsp-sign', [])):
            done = r.run(program, *option, octets=octets)
            tap.equal(done.stdout.hex(), '30030a0101', '%s, to %s' % (name, program))


@tap.test('serial numbers: zero, negative, 20 octets with a sign octet, longer, not minimal (P-6, O-14)')
def serials():
    for serial in ((1 << 160) - 1, 1 << 159, 1):
        r.insert(hex(serial))
        with r.configured(verify='no'):
            tap.equal(str(r.ask_about(serial)), 'good', hex(serial))
    for serial in (0, -1, -128, -(1 << 159), 1 << 168, 1 << 200, 1 << 400):
        tap.equal(status(r.request(der.integer(serial))), 'unauthorized', serial)
    for octets in (b'', b'\x00\x01', b'\x00\x7f', b'\xff\xff', b'\x00' * 20 + b'\x01'):
        tap.equal(status(r.request(der.tlv(0x02, octets))), 'malformedRequest', octets.hex())


@tap.test('a CertID that has the name or the key of another CA: unauthorized (O-13)')
def half_a_certid():
    other = ocsp.certid(pki.make_root('Other').certificate, leaf.serial)
    ours, theirs = der.parse(ID), der.parse(other)
    for name, key in ((ours, theirs), (theirs, ours)):
        mixed = der.sequence(ours[0].raw, name[1].raw, key[2].raw, ours[3].raw)
        tap.equal(status(ocsp.request(mixed)), 'unauthorized')
    for cut in (19, 21, 0):
        digest = der.octets((ours[1].body + b'\0')[:cut])
        mixed = der.sequence(ours[0].raw, digest, ours[2].raw, ours[3].raw)
        assert status(ocsp.request(mixed)) in ('unauthorized', 'malformedRequest'), cut


@tap.test('the answer repeats the CertID octet by octet, with whatever parameters (O-23, U-6)')
def certid_echo():
    for algorithm in ('sha1', 'sha256', 'sha384', 'sha512'):
        for params in (der.NULL, b''):
            ids = [r.certid(leaf, algorithm, params=params)]
            for again in range(2):      # signed, then from the cache
                response = r.ask(ocsp.request(ids))
                tap.equal(response.singles[0].certid.hex(), ids[0].hex())


# --- answers

@tap.test('an answer has one SingleResponse and no extensions, of either kind (L-2, L-4, O-28, O-31)')
def lean():
    r.clear_cache()
    for _ in range(2):
        response = r.ask_about(leaf)
        tap.equal((len(response.singles), response.extensions, response.singles[0].extensions),
                  (1, {}, {}))


@tap.test('the bytes of an answer: basic, v1 left out, byKey, times with seconds in Zulu (O-1, O-18, L-12)')
def octets():
    response = r.ask_about(leaf)
    top = der.parse(response.der)
    tap.equal(top[1][0][0].oid(), ocsp.BASIC, 'O-1')
    data = der.parse(top[1][0][1].body)[0]
    tap.equal([kid.tag for kid in data.kids], [0xa2, 0x18, 0x30], 'O-18, L-9')
    tap.equal(len(data[0][0].body), 20, 'O-19')
    single = data[2][0]
    tap.equal([kid.tag for kid in single.kids], [0x30, 0x80, 0x18, 0xa0], 'L-11')
    for text in (data[1].body, single[2].body, single[3][0].body):
        assert len(text) == 15 and text.endswith(b'Z') and text[:14].isdigit(), text


@tap.test('responderID byKey is SHA-1 of the BIT STRING value, not of the whole key (O-19, U-13)')
def by_key():
    response = r.ask_about(leaf)
    digest = x509.SubjectKeyIdentifier.from_public_key(r.ca.certificate.public_key()).digest
    tap.equal(response.responder, digest)


@tap.test('an RSA key signs with SHA-256 (O-26, M-3)')
def default_algorithm():
    response = r.ask_about(leaf)
    tap.equal(response.algorithm[0].oid(), SHA256_RSA)


def preferring(*oids):
    each = [der.sequence(der.sequence(der.oid(oid), der.NULL)) for oid in oids]
    return r.request(leaf, ocsp.extension(PREFERRED, der.sequence(*each)))


@tap.test('preferred signature algorithms: the first that is strong and ours (O-33)')
def preferred():
    r.clear_cache()
    for oids, want in (((SHA512_RSA,), SHA512_RSA), ((SHA384_RSA, SHA512_RSA), SHA384_RSA),
                       ((UNKNOWN, SHA512_RSA), SHA512_RSA), ((SHA256_RSA, SHA512_RSA), SHA256_RSA),
                       (('1.2.840.10045.4.3.3', SHA384_RSA), SHA384_RSA)):
        response = r.ask(preferring(*oids))
        tap.equal(response.faults(r.ca.certificate, [ID]), [], oids)
        tap.equal(response.algorithm[0].oid(), want, oids)
    tap.equal(r.ask_about(leaf).algorithm[0].oid(), SHA256_RSA, 'everybody else gets the default')


@tap.test('weak or unknown preferences are not followed: SHA-1, MD5, DSA, nonsense (O-35, B-18, M-4)')
def weak():
    for oids in ((SHA1_RSA,), (MD5_RSA,), (DSA_SHA1,), (UNKNOWN,), (SHA1_RSA, MD5_RSA), ()):
        response = r.ask(preferring(*oids))
        tap.equal((str(response), response.algorithm[0].oid()), ('good', SHA256_RSA), oids)
    for value in (b'', b'\x05\x00', b'\x30\x03\x02\x01\x01', b'\x30\x80'):
        response = r.ask(r.request(leaf, ocsp.extension(PREFERRED, value)))
        assert str(response) == 'malformedRequest' or \
            response.algorithm[0].oid() == SHA256_RSA, value.hex()


@tap.test('errors are unsigned, five octets, and never status 4 (O-2, O-6)')
def errors():
    found = {r.ask(b'\x30\x00').der, r.ask(r.request(leaf.serial + 1)).der}
    with r.configured(password='wrong', pkey='missing.key'):
        found.add(r.ask(r.request(leaf)).der)
    r.database.stop()
    try:
        r.clear_cache()
        found.add(r.ask(r.request(leaf)).der)
    finally:
        r.database.start()
    tap.equal(sorted(o.hex() for o in found),
              ['30030a0101', '30030a0102', '30030a0103', '30030a0106'])


@tap.test('thisUpdate is when the status was known, not when the answer is sent (O-9, O-10, L-20)')
def pre_produced():
    r.clear_cache()
    first = r.ask_about(leaf)
    time.sleep(1.1)
    second = r.ask_about(leaf)
    tap.equal(second.der, first.der)
    assert second.singles[0].this_update < time.time() - 1


@tap.test('archivecutoff: producedAt less the retention, in what is known about a certificate (O-30)')
def archive_cutoff():
    old = r.add(r.ca.issue('expired', start=pki.now() - 9 * pki.DAY, end=pki.now() - pki.DAY))
    r.revoke(leaf)
    try:
        with r.configured(archivecutoff='7y'):
            for one in (old, leaf):
                response = r.ask_about(one)
                value, critical = response.singles[0].extensions[ocsp.ARCHIVE_CUTOFF]
                cutoff = calendar.timegm(time.strptime(der.parse(value).body.decode(),
                                                       '%Y%m%d%H%M%SZ'))
                tap.equal((der.parse(value).tag, critical), (0x18, False))
                tap.equal(cutoff, response.produced_at - 7 * 365 * 86400)
                tap.equal(response.extensions, {}, 'L-4')
                tap.equal(r.ask_about(one).der, response.der, 'from the cache')
        with r.configured(archivecutoff='7y', unknown='unknown'):
            tap.equal(r.ask_about(leaf.serial + 1).singles[0].extensions, {})
        with r.configured(archivecutoff='7y', unknown='revoked'):
            tap.equal(r.ask_about(leaf.serial + 1).singles[0].extensions, {}, 'O-8')
    finally:
        r.unrevoke(leaf)
        r.clear_cache()


@tap.test('openssl reads the archive cutoff')
def archive_openssl():
    with r.configured(archivecutoff='1y'):
        r.write('cutoff.der', r.ask_about(leaf).der)
    done = subprocess.run(['openssl', 'ocsp', '-respin', r.path('cutoff.der'), '-noverify',
                           '-resp_text'], capture_output=True, text=True)
    tap.contains(done.stdout, 'OCSP Archive Cutoff')


@tap.test('backdate: thisUpdate lies back, producedAt does not, nor is the validity longer (U-7, O-24)')
def backdated():
    with r.configured(backdate='1h'):
        response = r.ask_about(leaf)
        single = response.singles[0]
        tap.equal(response.produced_at - single.this_update, 3600)
        tap.equal(single.next_update - single.this_update, 86399)
        assert abs(response.produced_at - time.time()) < 60


@tap.test('backdate: what is revoked was not known to be so before it was (O-10)')
def backdated_revoked():
    now = int(time.time())
    for ago, want in ((600, 600), (7200, 3600)):
        r.revoke(leaf, when=time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(now - ago)))
        with r.configured(backdate='1h'):
            response = r.ask_about(leaf)
            lag = response.produced_at - response.singles[0].this_update
            assert want - 1 <= lag <= want + 60, lag
    r.unrevoke(leaf)


@tap.test('every reason, as a number or a word, and what is none (P-2 to P-4, U-12, D-8)')
def reasons():
    said = {str(n): n for n in (1, 2, 3, 4, 5, 6, 9, 10)}
    if r.db['type'] != 'sqlite':
        tap.skip('this database refuses them')
    for word in list(map(str, range(12))) + ['255', '-1', 'removeFromCRL', 'keyCompromise', '']:
        r.revoke(leaf, reason=word)
        r.clear_cache()
        single = r.ask_about(leaf).singles[0]
        want = 1 if word == 'keyCompromise' else said.get(word)
        tap.equal((single.status, single.reason), ('revoked', want), word)
    r.unrevoke(leaf)
    r.clear_cache()


@tap.test('certificateHold is revoked, and may be good again later (P-5)')
def hold():
    with r.configured(recheck='0'):
        r.revoke(leaf, reason='certificate_hold')
        tap.equal(str(r.ask_about(leaf)), 'revoked(6)')
        tap.equal(r.ask_about(leaf).extensions, {}, 'U-14')
        r.unrevoke(leaf)
        tap.equal(str(r.ask_about(leaf)), 'good')


@tap.test('a precertificate in the row is an issued certificate; without certificates, verify=no (B-3, B-21, M-6)')
def precertificate():
    before = r.add(r.ca.issue('precertificate', extensions=[(x509.PrecertPoison(), True)]))
    tap.equal(str(r.ask_about(before)), 'good')
    r.insert('0x7001')
    with r.configured(verify='no'):
        tap.equal(str(r.ask_about(0x7001)), 'good')


@tap.test('rows with certificates signed with RSA-PSS, SHA-1, SHA-224, SHA-3 and others verify (O-7)')
def leaf_signatures():
    r.write('leaf.key', leaf.key_pem())
    make = ['openssl', 'req', '-new', '-key', r.path('leaf.key'), '-subj', '/CN=x']
    issue = ['openssl', 'x509', '-req', '-CA', r.path('ca.pem'), '-CAkey', r.path('ca.key')]
    asked = subprocess.run(make, capture_output=True, check=True).stdout
    pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:-1']
    for n, how in enumerate((['-sha1'], ['-sha224'], ['-sha384'], ['-sha512'], ['-sha3-256'],
                             ['-sha224'] + pss, ['-sha256'] + pss, ['-sha512'] + pss)):
        serial = 0x8000 + n
        done = subprocess.run(issue + how + ['-set_serial', '%#x' % serial], input=asked,
                              capture_output=True)
        tap.equal(done.returncode, 0, done.stderr)
        r.insert('%#x' % serial, certificate=done.stdout)
        tap.equal(str(r.ask_about(serial)), 'good', ' '.join(how))
        r.sql("UPDATE list_certs SET cert = X'%s' WHERE cert_num = '%#x'"
              % (done.stdout.replace(b'A', b'B', 30).hex(), serial))
        r.clear_cache()
        assert str(r.ask(r.request(serial))) in ('unauthorized', 'internalError'), how


# --- nonces

@tap.test('nonces of every length from 0 to 130, echoed or ignored (N-1 to N-3, N-5)')
def nonce_lengths():
    for policy in ('echo', 'ignore'):
        with r.configured(nonce=policy):
            for length in list(range(0, 36)) + [63, 64, 126, 127, 128, 129, 130]:
                value = os.urandom(length)
                response = r.ask(r.request(leaf, ocsp.nonce(value)))
                if 1 <= length <= 128:
                    back = value if policy == 'echo' else None
                    tap.equal((str(response), response.nonce), ('good', back), length)
                else:
                    tap.equal(response.status, 'malformedRequest', length)


@tap.test('a nonce that is not wrapped in an OCTET STRING, or in two: malformedRequest (N-4, N-6)')
def nonce_raw():
    raw = bytes(range(0xa0, 0xb0))
    for policy in ('echo', 'ignore'):
        with r.configured(nonce=policy):
            for value in (raw, b'', der.octets(raw) + b'\0', der.tlv(0x24, der.octets(raw)),
                          der.tlv(0x03, raw)):
                response = r.ask(r.request(leaf, ocsp.extension(ocsp.NONCE, value)))
                tap.equal(response.status, 'malformedRequest', value.hex())
            two = r.request(leaf, ocsp.nonce(raw), ocsp.nonce(raw))
            tap.equal(r.ask(two).status, 'malformedRequest', 'two of them')


@tap.test('the nonce comes back as its own extension, octet by octet (N-4, N-5)')
def nonce_octets():
    value = bytes(range(32))
    with r.configured(nonce='echo'):
        response = r.ask(r.request(leaf, ocsp.nonce(value)))
    whole = bytes.fromhex('302f06092b0601050507300102042204 20'.replace(' ', '')) + value
    tap.contains(response.tbs, whole)
    tap.equal(list(response.extensions), [ocsp.NONCE])


@tap.test('a nonce for what is revoked, and for what is not in the table (N-5, L-10)')
def nonce_statuses():
    value = os.urandom(32)
    with r.configured(nonce='echo'):
        tap.equal(r.ask(r.request(leaf.serial + 1, ocsp.nonce(value))).status, 'unauthorized')
        r.revoke(leaf)
        response = r.ask(r.request(leaf, ocsp.nonce(value)))
        tap.equal((str(response), response.nonce), ('revoked(1)', value))
        r.unrevoke(leaf)
    with r.configured(nonce='echo', unknown='revoked'):
        response = r.ask(r.request(leaf.serial + 1, ocsp.nonce(value)))
        tap.equal(sorted(response.extensions), sorted([ocsp.NONCE, ocsp.EXTENDED_REVOKE]))


# --- what an operator is told

@tap.test('a certificate that ends soon: a warning a day, and no answer beyond its end (U-9, M-2)')
def ends_soon():
    end = pki.now() + 5 * pki.DAY
    ca = pki.make_root('Ending', start=end - 90 * pki.DAY, end=end)
    with Responder(ca=ca, producetime='30d') as ending:
        ones = [ending.add(ending.ca.issue('one')) for _ in range(3)]
        for one in ones:
            single = ending.ask_about(one).singles[0]
            tap.equal(single.next_update, calendar.timegm(end.timetuple()), 'M-2')
        told = [line for line in ending.log().splitlines() if 'more days' in line]
        tap.equal(len(told), 1, 'a warning for each answer')
        tap.contains(told[0], 'WARNING')
        note = [n for n in os.listdir(ending.path('cache')) if n.startswith('.ends-')]
        tap.equal(len(note), 1)
        path = ending.path('cache', note[0])
        os.utime(path, (time.time() - 90000,) * 2)
        ending.ask(ending.request(ones[0], algorithm='sha256'))
        told = [line for line in ending.log().splitlines() if 'more days' in line]
        tap.equal(len(told), 2, 'the next day')


tap.run(r.close)
