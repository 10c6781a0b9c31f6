#!/usr/bin/python3
"""What is answered to whom, and in which octets: bare DER through ocsp-stdio and ocsp-sign."""
import calendar
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import der
import ocsp
import pki
import tap
from responder import DATA, Responder, stores

REASONS = {None: None, 'unspecified': None, 'key_compromise': 1, 'ca_compromise': 2,
           'affiliation_changed': 3, 'superseded': 4, 'cessation_of_operation': 5,
           'certificate_hold': 6, 'privilege_withdrawn': 9, 'aa_compromise': 10}
REVOKED = '2026-01-02 03:04:05'
REVOKED_AT = calendar.timegm((2026, 1, 2, 3, 4, 5))


def sample(name):
    with open(os.path.join(DATA, 'predecessor', name), 'rb') as f:
        return f.read()


def skeleton(node, depth=0):
    """Tags, lengths and nesting: what two answers of one shape have in common."""
    yield depth, node.tag, len(node.body)
    for kid in node.kids:
        yield from skeleton(kid, depth + 1)


# --- with each kind of store

def good(r, leaf):
    response = r.ask_about(leaf)
    tap.equal(str(response), 'good')
    single = response.singles[0]
    tap.equal(response.by, 'key', 'L-9')
    tap.equal(response.certs, [], 'certificates, the CA itself having signed')
    tap.equal(response.extensions, {}, 'L-4')
    tap.equal(single.this_update, response.produced_at, 'thisUpdate and producedAt')
    tap.equal(single.next_update, single.this_update + 86400 - 1, 'nextUpdate')


def each_reason(r, leaf):
    for word, code in REASONS.items():
        r.revoke(leaf, REVOKED, word)
        r.clear_cache()
        single = r.ask_about(leaf).singles[0]
        tap.equal((single.status, single.reason), ('revoked', code), word)
        tap.equal(single.revoked_at, REVOKED_AT, word)
    r.unrevoke(leaf)
    r.clear_cache()


def not_in_the_table(r, leaf):
    tap.equal(r.ask(r.request(leaf.serial + 1)).status, 'unauthorized')
    with r.configured(unknown='unknown'):
        tap.equal(str(r.ask_about(leaf.serial + 1)), 'unknown')
    with r.configured(unknown='revoked'):
        response = r.ask_about(leaf.serial + 1)
        tap.equal(str(response), 'revoked(6)', 'O-8')
        tap.equal(response.singles[0].revoked_at, 0, 'O-8: revocationTime')
        tap.equal(response.extensions, {ocsp.EXTENDED_REVOKE: (der.NULL, False)}, 'O-34')
    with r.configured(unknown='revoked'):
        tap.equal(r.ask_about(leaf).extensions, {}, 'U-14: extended-revoke where it is not due')


def foreign_issuer(r, leaf):
    other = pki.make_root('Other CA').certificate
    for algorithm in ('sha1', 'sha256'):
        request = ocsp.request(ocsp.certid(other, leaf.serial, algorithm))
        tap.equal(r.ask(request).status, 'unauthorized', algorithm)
    same_name = pki.make_root(name=r.ca.certificate.subject).certificate
    tap.equal(r.ask(ocsp.request(ocsp.certid(same_name, leaf.serial))).status, 'unauthorized',
              'our name, another key')


def each_hash(r, leaf):
    for algorithm in ('sha1', 'sha256', 'sha384', 'sha512'):
        for params in (der.NULL, b''):
            ids = [r.certid(leaf, algorithm, params=params)]
            response = r.ask(ocsp.request(ids))
            tap.equal(str(response), 'good', algorithm)
            tap.equal(response.faults(r.ca.certificate, ids), [], algorithm)
    md5 = der.sequence(der.oid(ocsp.HASHES['md5']), der.NULL)
    unknown = der.sequence(md5, der.octets(bytes(16)), der.octets(bytes(16)), der.integer(leaf.serial))
    tap.equal(r.ask(ocsp.request(unknown)).status, 'unauthorized', 'md5')


def several(r, leaf):
    other = r.add(r.ca.issue('other'))
    r.revoke(other)
    ids = [r.certid(leaf), r.certid(other, 'sha256'), r.certid(leaf, 'sha512', params=b'')]
    response = r.ask(ocsp.request(ids))
    tap.equal(str(response), 'good,revoked(1),good')
    tap.equal(response.faults(r.ca.certificate, ids), [])
    ids.append(r.certid(leaf.serial + 1))
    tap.equal(r.ask(ocsp.request(ids)).status, 'unauthorized', 'one of four is not in the table')
    tap.equal(r.ask(ocsp.request([r.certid(leaf)] * 33)).status, 'malformedRequest', '33 CertIDs')


def forms_of_a_serial(r, leaf):
    forms = {0xabcdef01: '0xABCDEF01', 0xabcdef02: '0x00ABCDEF02', 0xabcdef03: '0x00abcdef03',
             0x1: '0x1', 0x0f: '0x0F', (1 << 159) - 1: hex((1 << 159) - 1), 0xee01: '0xee01'}
    for serial, text in forms.items():
        r.insert(text, certificate=r.ca.issue('form', serial=serial).pem())
        tap.equal(str(r.ask_about(serial)), 'good', text)
    negative = b'\x02\x02\xee\x01'
    tap.equal(r.ask(r.request(negative)).status, 'unauthorized', 'U-15: a negative number')
    tap.equal(r.ask(r.request(der.integer(1 << 400))).status, 'unauthorized', 'an endless number')


def rows_with_der(r, leaf):
    stored = r.ca.issue('DER in the row')
    r.insert(hex(stored.serial), certificate=stored.der())
    tap.equal(str(r.ask_about(stored)), 'good')


def plain_sql(r, leaf):
    with r.configured(recheck=0):
        tap.equal(str(r.ask_about(leaf)), 'good')
        r.revoke(leaf)
        tap.equal(str(r.ask_about(leaf)), 'revoked(1)', 'the very next request (D-9)')
        r.unrevoke(leaf)
        tap.equal(str(r.ask_about(leaf)), 'good')


def database_down(r, leaf):
    r.clear_cache()
    r.database.stop()
    try:
        tap.equal(r.ask(r.request(leaf)).status, 'tryLater')
    finally:
        r.database.start()
    tap.equal(str(r.ask_about(leaf)), 'good')


def table_missing(r, leaf):
    with r.configured(recheck=0):
        r.sql('ALTER TABLE list_certs RENAME TO elsewhere')
        try:
            tap.equal(r.ask(r.request(leaf)).status, 'tryLater')
        finally:
            r.sql('ALTER TABLE elsewhere RENAME TO list_certs')


def per_store(kind):
    r = Responder(store=kind)
    leaf = r.add(r.ca.issue('leaf'))
    cases = (('good, in the shape of the standards', good),
             ('revoked, each reason (U-12)', each_reason),
             ('not in the table (C-1, L-10)', not_in_the_table),
             ('issued by another CA (O-13)', foreign_issuer),
             ('each hash, parameters echoed as sent (O-23, U-6)', each_hash),
             ('several certificates in a request (O-20)', several),
             ('each form that a row may have (U-15)', forms_of_a_serial),
             ('a row that holds DER', rows_with_der),
             ('revoked by plain SQL (D-9, U-3)', plain_sql),
             ('database down: tryLater, then good (D-12)', database_down),
             ('no table: tryLater', table_missing))
    for name, function in cases:
        tap.add('%s: %s' % (kind, name), function, r, leaf)
    return r


everywhere = [per_store(kind) for kind in stores()]
if len(everywhere) < 2:
    tap.add('the other kind of store', tap.skip, 'MariaDB or SQLite is not there')


# --- with any store

main = everywhere[0]
leaf = main.add(main.ca.issue('any'))


@tap.test('what is no request: malformedRequest (O-5, P-8)')
def malformed():
    request = main.request(leaf)
    cases = {'half': request[:len(request) // 2], 'empty SEQUENCE': b'\x30\x00',
             'no certificate': ocsp.request([]), 'octets after it': request + b'\x00',
             'a certificate': leaf.der(), 'indefinite length': b'\x30\x80' + request[2:] + bytes(2),
             'zeros': b'\x30' + bytes(99)}
    for name, octets in cases.items():
        response = main.ask(octets)
        tap.equal(response.status, 'malformedRequest', name)
        tap.equal(response.der.hex(), '30030a0101', name)


@tap.test('extensions: unknown ones ignored, critical ones refused (O-15)')
def extensions():
    oid, value = '1.2.3.4.5', b'\x05\x00'
    for critical, want in ((None, 'good'), (True, 'malformedRequest')):
        response = main.ask(main.request(leaf, ocsp.extension(oid, value, critical)))
        tap.equal(str(response), want, 'critical: %s' % critical)


@tap.test('nonce=ignore answers without one, from the cache (L-5)')
def nonce_ignored():
    response = main.ask(main.request(leaf, ocsp.nonce(bytes(range(32)))))
    tap.equal((str(response), response.nonce), ('good', None))


@tap.test('nonce=echo repeats 1 to 128 octets and publishes nothing (N-2, N-5)')
def nonce_echoed():
    with main.configured(nonce='echo'):
        for length in (1, 16, 32, 128):
            value, ids = os.urandom(length), [main.certid(leaf)]
            response = main.ask(ocsp.request(ids, ocsp.nonce(value)))
            tap.equal((str(response), response.nonce), ('good', value), '%d octets' % length)
            tap.equal(response.faults(main.ca.certificate, ids, value), [], '%d octets' % length)
        tap.equal(main.cache_files(), [], 'an answer with a nonce in the cache')


@tap.test('a nonce of 0 or 129 octets, or two of them: malformedRequest (N-1, N-6)')
def nonce_bad():
    for nonces in ([b''], [bytes(129)], [b'1', b'2']):
        response = main.ask(main.request(leaf, *map(ocsp.nonce, nonces)))
        tap.equal(response.status, 'malformedRequest', nonces)


@tap.test("the predecessor's sample: answers have its very shape")
def sample_shape():
    r = Responder(ca=pki.make_root('RSA CA', 'rsa'))
    with r:
        asked = ocsp.read_request(sample('sample-request.der'))[0][0]
        serial = der.parse(asked)[3].integer()
        r.add(r.ca.issue('sample', serial=serial))
        ours = r.ask_about(serial, timeout=60).der
        old = ocsp.Response(sample('sample-response.der'))
        tap.equal(list(skeleton(der.parse(ours))), list(skeleton(der.parse(old.der))))
        basics = [der.parse(der.parse(d)[1][0][1].body) for d in (ours, old.der)]
        tap.equal(*[list(skeleton(b)) for b in basics])
        validity = old.singles[0].next_update - old.singles[0].this_update
        tap.equal(validity, 86399)


@tap.test("the predecessor's sample request is another CA's: unauthorized")
def sample_request():
    tap.equal(main.ask(sample('sample-request.der')).status, 'unauthorized')


@tap.test('keys: RSA, P-256, P-384, Ed25519, each with and without a password')
def key_kinds():
    for kind in ('rsa', 'p256', 'p384', 'ed25519'):
        with Responder(ca=pki.make_root('CA ' + kind, kind)) as r:
            one = r.add(r.ca.issue('one'))
            tap.equal(str(r.ask_about(one)), 'good', kind)
            r.write('ca.key', r.ca.key_pem(b'se#cret'))
            r.configure(password='"se#cret"')
            r.clear_cache()
            tap.equal(str(r.ask_about(one)), 'good', kind + ', encrypted')
            r.configure(password='wrong')
            r.clear_cache()
            tap.equal(r.ask(r.request(one)).status, 'internalError', kind + ', wrong password')
            assert 'wrong' not in r.log(), 'the password stands in the log'


@tap.test('an encrypted key in the traditional form (openssl rsa -aes256 -traditional)')
def traditional_key():
    key = pki.make_key('rsa2048')
    how = pki.serialization
    with Responder(ca=pki.make_root('CA', key=key), password='"se#cret"') as r:
        one = r.add(r.ca.issue('one'))
        r.write('ca.key', key.private_bytes(
            how.Encoding.PEM, how.PrivateFormat.TraditionalOpenSSL,
            how.BestAvailableEncryption(b'se#cret')))
        tap.equal(str(r.ask_about(one)), 'good')
        r.configure(password=None)
        r.clear_cache()
        tap.equal(r.ask(r.request(one)).status, 'internalError')
        tap.contains(r.log(), 'it is encrypted: set password=')


@tap.test('a key that is not the certificate\'s signs nothing')
def wrong_key():
    main.write('other.key', pki.key_pem(pki.make_key()))
    main.clear_log()
    with main.configured(pkey='other.key'):
        tap.equal(main.ask(main.request(leaf)).status, 'internalError')
    tap.contains(main.log(), 'pkey=')


@tap.test('an expired CA signs nothing; one near its end signs no further than that (U-9)')
def expired_ca():
    ended = pki.make_root('Ended', start=pki.now() - 9 * pki.DAY, end=pki.now() - pki.DAY)
    with Responder(ca=ended) as r:
        one = r.add(r.ca.issue('one'))
        tap.equal(r.ask(r.request(one)).status, 'internalError')
        tap.contains(r.log(), 'expired')
    end = pki.now() + pki.DAY / 24
    with Responder(ca=pki.make_root('Ending', end=end)) as r:
        one = r.add(r.ca.issue('one'))
        single = r.ask_about(one).singles[0]
        assert single.next_update <= calendar.timegm(end.timetuple()), 'valid after the CA (M-2)'


@tap.test('a leaf that has expired is answered as the table says')
def expired_leaf():
    old = main.add(main.ca.issue('old', start=pki.now() - 9 * pki.DAY, end=pki.now() - pki.DAY))
    tap.equal(str(main.ask_about(old)), 'good')


def delegate(r, entity):
    r.write('issuer.pem', r.ca.pem())
    r.write('responder.pem', entity.pem())
    r.write('responder.key', entity.key_pem())
    return r.configured(cert='responder.pem', pkey='responder.key', issuer='issuer.pem')


@tap.test('a delegated responder signs, and its certificate is in the answer (O-11, L-7)')
def delegated():
    end = pki.now() + pki.DAY / 2
    with delegate(main, main.ca.issue_responder(end=end)):
        response = main.ask_about(leaf)
        tap.equal((str(response), len(response.certs)), ('good', 1))
        assert response.singles[0].next_update <= calendar.timegm(end.timetuple()), 'U-9'


@tap.test("sendcert=yes: the CA's certificate is in what it signs itself, and nothing else is (O-21)")
def send_cert():
    with main.configured(sendcert='yes'):
        response = main.ask_about(leaf)
        tap.equal((str(response), [c.serial_number for c in response.certs]),
                  ('good', [main.ca.certificate.serial_number]))
        with delegate(main, main.ca.issue_responder()):
            tap.equal(len(main.ask_about(leaf).certs), 1)
    tap.equal(main.ask_about(leaf).certs, [])


@tap.test('a responder certificate that may not sign is refused (O-3)')
def not_delegated():
    stranger = pki.make_root('Stranger')
    same_name = pki.make_root(name=main.ca.certificate.subject)
    cases = {'without OCSPSigning': main.ca.issue_responder(ocsp_signing=False),
             'of another CA': stranger.issue_responder(),
             'of a CA with our name': same_name.issue_responder(),
             'expired': main.ca.issue_responder(start=pki.now() - 9 * pki.DAY,
                                                end=pki.now() - pki.DAY)}
    for name, entity in cases.items():
        main.clear_log()
        with delegate(main, entity):
            wanted = 'internalError' if name == 'expired' else 'tryLater'
            tap.equal(str(main.ask(main.request(leaf), program='ocsp-stdio')), wanted, name)
        tap.contains(main.log(), 'responder.pem', name)


@tap.test("a certificate's file that can't be used: what is valid in the cache is sent, and tryLater "
          'for the rest')
def certificate_gone():
    other = main.add(main.ca.issue('not asked for before'))
    with main.configured(recheck='0'):
        tap.equal(str(main.ask_about(leaf)), 'good')
        for name in ('nowhere.pem', 'ca.key', 'config.ini'):
            main.clear_log()
            with main.configured(cert=name, keep_cache=True):
                for about, wanted in ((leaf, 'good'), (other, 'tryLater')):
                    answer = main.ask(main.request(about), program='ocsp-stdio')
                    tap.equal(str(answer), wanted, name)
            tap.contains(main.log(), name)


# --- the certificate in the row

@tap.test('verify=yes: a row whose certificate is not ours, absent or garbage is never good')
def verified():
    stranger = pki.make_root(name=main.ca.certificate.subject)
    serial = 0x5000
    cases = {'of a CA with our name': stranger.issue('x', serial=serial).pem(),
             'with another serial': main.ca.issue('x', serial=serial + 1).pem(),
             'empty': b'', 'garbage': b'garbage', 'cut': main.ca.issue('x', serial=serial).der()[:200],
             'followed by garbage': main.ca.issue('x', serial=serial).der() + b'garbage'}
    for name, certificate in cases.items():
        main.sql("DELETE FROM list_certs WHERE cert_num = '%#x'" % serial)
        main.insert('%#x' % serial, certificate=certificate)
        main.clear_log()
        want = 'unauthorized' if name == 'of a CA with our name' else 'internalError'
        tap.equal(main.ask(main.request(serial)).status, want, name)
        tap.contains(main.log(), '%#x' % serial, name)


@tap.test("verify=yes: a CA's key of a kind that libcrypto can't read is told, and not as want of memory")
def unknown_key():
    with Responder() as r:
        leaf = r.add(r.ca.issue('leaf'))
        # id-ecPublicKey (1.2.840.10045.2.1) is now 1.2.840.10045.2.127
        r.write('ca.pem', r.ca.der().replace(bytes.fromhex('2a8648ce3d0201'),
                                             bytes.fromhex('2a8648ce3d027f')))
        tap.equal(str(r.ask(r.request(leaf))), 'internalError')
        tap.contains(r.log(), "of a kind that libcrypto can't read")
        assert 'memory' not in r.log(), r.log()


@tap.test('verify=yes: a revoked row counts though its certificate is garbage')
def verified_revoked():
    main.insert('0x5001', status='Revoked', when=REVOKED, certificate=b'garbage')
    response = main.ask(main.request(0x5001))
    assert str(response) in ('revoked', 'internalError'), str(response)


@tap.test('verify=no: the table is enough')
def unverified():
    main.insert('0x5002', certificate=b'')
    with main.configured(verify='no'):
        tap.equal(str(main.ask_about(0x5002)), 'good')


# --- the canned answer for the intermediate

root = pki.make_root('Root')
inter = Responder(ca=root.issue_ca('Intermediate'), ocspresponse='it_ocsp.pem', root='root.pem')
inter.write('root.pem', root.pem())
inter_id = ocsp.certid(root.certificate, inter.ca.serial)


def can(octets):
    inter.write('it_ocsp.pem', octets)
    inter.clear_cache()


def pem(octets, label='OCSP RESPONSE'):
    text = subprocess.run(['openssl', 'base64'], input=octets, capture_output=True).stdout
    if not label:
        return text
    return b'-----BEGIN %s-----\n%s-----END %s-----\n' % (label.encode(), text, label.encode())


@tap.test('the intermediate is answered by ocspresponse=: DER, PEM and base64')
def canned():
    answer = root.answer(inter.ca)
    for name, octets in {'DER': answer, 'PEM': pem(answer), 'base64': pem(answer, '')}.items():
        can(octets)
        response = inter.ask(ocsp.request(inter_id))
        tap.equal(response.der, answer, name)
        tap.equal(inter.ask(ocsp.request(inter_id)).der, answer, name + ', from the cache')


@tap.test('the intermediate with a nonce, or its own hash: the canned CertID alone counts')
def canned_certid():
    can(root.answer(inter.ca))
    other = ocsp.certid(root.certificate, inter.ca.serial, 'sha256')
    tap.equal(inter.ask(ocsp.request(other)).status, 'unauthorized', 'sha256')
    tap.equal(str(inter.ask(ocsp.request(inter_id, ocsp.nonce(bytes(16))))), 'good', 'nonce')


@tap.test('an ocspresponse that is expired, foreign or garbage is never sent')
def canned_bad():
    answer = root.answer(inter.ca)
    cases = {'expired': root.answer(inter.ca, start=pki.now() - 9 * pki.DAY, end=pki.now() - pki.DAY),
             'of the future': root.answer(inter.ca, start=pki.now() + pki.DAY),
             'with a broken signature': answer[:-1] + bytes([answer[-1] ^ 1]),
             'garbage': b'garbage', 'empty': b'', 'an error answer': b'\x30\x03\x0a\x01\x06',
             'cut': answer[:-1], 'with octets after it': answer + b'x'}
    for name, octets in cases.items():
        inter.clear_log()
        can(octets)
        response = inter.ask(ocsp.request(inter_id))
        assert response.status in ('unauthorized', 'tryLater', 'internalError'), \
            '%s: %s' % (name, response)
        tap.contains(inter.log(), 'it_ocsp.pem', name)


@tap.test('without the ocspresponse file the leaves are answered all the same')
def canned_missing():
    os.unlink(inter.path('it_ocsp.pem'))
    one = inter.add(inter.ca.issue('one'))
    tap.equal(str(inter.ask_about(one)), 'good')


# --- odd rows (D-8): a definite outcome, never good by mistake, and a line in the log

def odd_row(serial, want, **row):
    main.clear_log()
    main.insert('%#x' % serial, certificate=main.ca.issue('odd', serial=serial).pem(), **row)
    response = main.ask(main.request(serial))
    tap.equal(str(response), want, row)
    tap.contains(main.log(), '%#x' % serial, row)


if main.db['type'] == 'sqlite':
    ODD = [('revoked', {'status': 'Revoked', 'when': REVOKED, 'reason': reason})
           for reason in ('', 'nonsense', '255', 'key compromise')]
    ODD += [('revoked(1)', {'status': 'Revoked', 'when': when, 'reason': 'key_compromise'})
            for when in (None, '0000-00-00 00:00:00', 'yesterday', '2026-02-30 00:00:00')]
    ODD += [('internalError', {'status': status}) for status in ('', 'valid?', 'Expired')]
    for number, (want, row) in enumerate(ODD):
        tap.add('odd row: %s' % ', '.join('%s=%s' % kv for kv in row.items()),
                lambda number=number, want=want, row=row: odd_row(0x6000 + number, want, **row))
else:
    tap.add('odd rows', tap.skip, 'this database refuses them')


# --- the predecessor's configuration file

@tap.test("the predecessor's config.ini works, its paths relative to its own folder")
def old_config():
    if 'mysql' not in stores():
        tap.skip('no MariaDB here')
    r = everywhere[-1]
    text = sample('config.ini').decode().replace('port=3306', 'port=%d' % r.database.server.port)
    text = text.replace('[ocsp]', 'logfile=log/old.log\n[ocsp]')
    extra = 'user=%s\nsigner=%s\n' % (r.account.pw_name, r.path('bin', 'ocsp-sign'))
    before = r.config
    r.config = r.write('old.ini', text + extra)
    r.write('it_cert.crt', r.ca.pem())
    r.write('it_privkey.pem', r.ca.key_pem())
    r.write('it_ocsp.pem', root.answer(inter.ca))
    try:
        one = r.add(r.ca.issue('old'))
        tap.equal(str(r.ask_about(one)), 'good')
        tap.equal(str(r.ask(ocsp.request(inter_id))), 'good')
    finally:
        r.config = before


# --- another client's opinion

@tap.test('openssl ocsp verifies what we say')
def openssl():
    r = main
    one = r.add(r.ca.issue('openssl'))
    r.write('leaf.pem', one.pem())
    ask = ['openssl', 'ocsp', '-CAfile', r.path('ca.pem'), '-issuer', r.path('ca.pem'),
           '-cert', r.path('leaf.pem'), '-no_nonce']
    subprocess.run(ask + ['-reqout', r.path('req.der')], check=True, capture_output=True)
    with open(r.path('req.der'), 'rb') as f:
        answer = r.ask(f.read()).der
    r.write('resp.der', answer)
    done = subprocess.run(ask + ['-respin', r.path('resp.der')], capture_output=True, text=True)
    tap.contains(done.stderr + done.stdout, 'Response verify OK')
    tap.contains(done.stdout, 'leaf.pem: good')


@tap.test('ocsp-sign alone is a filter: DER in, DER out')
def sign_alone():
    response = main.ask(main.request(leaf), program='ocsp-sign')
    tap.equal(str(response), 'good')
    tap.equal(main.ask(b'\x30\x00', program='ocsp-sign').status, 'malformedRequest')


def cleanup():
    for r in everywhere + [inter]:
        r.close()


tap.run(cleanup)
