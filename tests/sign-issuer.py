#!/usr/bin/python3
"""ocspctl sign-issuer, and what the responder makes of the files."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import der
import ocsp
import pki
import tap
from responder import Responder

root = pki.make_root()
middle = root.issue_ca('Intermediate')
r = Responder(ca=middle, root='root.pem', recheck='1')
for name, octets in (('root.pem', root.pem()), ('root.key', root.key_pem()),
                     ('locked.key', root.key_pem(b'secret')), ('phrase', b'secret\n'),
                     ('middle.pem', middle.pem())):
    r.write(name, octets)
BASIC = ('--cert', 'middle.pem', '--root', 'root.pem', '--key', 'root.key')
KINDS = [(algorithm, params) for algorithm in ('sha1', 'sha256') for params in (der.NULL, b'')]
NAMES = ['-sha1.der', '-sha1-np.der', '-sha256.der', '-sha256-np.der']


def sign(*args, code=0):
    # no configuration is needed where the root's key is
    done = subprocess.run([r.path('bin', 'ocspctl'), 'sign-issuer', *args], cwd=r.dir,
                          capture_output=True, env=r.environment())
    out = (done.stdout + done.stderr).decode()
    tap.equal(done.returncode, code, out)
    return out


def certid(kind):
    return ocsp.certid(root.certificate, middle.serial, kind[0], params=kind[1])


def read(name):
    with open(r.path(name), 'rb') as f:
        return ocsp.Response(f.read())


@tap.test('one file for each CertID that clients ask with, each verified')
def files():
    out = sign(*BASIC)
    for kind, name in zip(KINDS, NAMES):
        response = read('middle' + name)
        tap.equal(response.faults(root.certificate, [certid(kind)]), [])
        tap.equal(str(response), 'good')
        days = (response.singles[0].next_update - response.singles[0].this_update + 1) / 86400
        tap.equal(days, 365)
        done = subprocess.run(['openssl', 'ocsp', '-respin', r.path('middle' + name), '-issuer',
                               r.path('root.pem'), '-cert', r.path('middle.pem'), '-CAfile',
                               r.path('root.pem'), '-no_nonce'], capture_output=True, text=True)
        tap.contains(done.stderr, 'Response verify OK')
    tap.contains(out, 'ocspresponse=' + ','.join('middle' + name for name in NAMES))


@tap.test('its options: days, validity, name, passphrase, revoked')
def options():
    for args, seconds in ((('--days', '7'), 7 * 86400), (('--validity', '12h'), 43200),
                          (('--validity', '2m'), 60 * 86400)):
        sign(*BASIC, '--out', 'work/short', *args)
        single = read('work/short-sha1.der').singles[0]
        tap.equal(single.next_update - single.this_update + 1, seconds)
    sign('--cert', 'middle.pem', '--root', 'root.pem', '--key', 'locked.key', '--password-file',
         'phrase', '--out', 'work/locked')
    tap.equal(str(read('work/locked-sha256.der')), 'good')
    sign(*BASIC, '--out', 'work/gone', '--revoked', '2024-01-02T03:04:05Z', '--reason',
         'ca_compromise')
    tap.equal(str(read('work/gone-sha1.der')), 'revoked(2)')
    # Baseline Requirements 7.3 (B-14)
    tap.contains(sign(*BASIC, '--out', 'work/bare', '--revoked', '2024-01-02'), 'gives no reason')
    with r.configured(profile='br', ocspresponse='work/bare-sha1.der'):
        tap.contains(r.ctl('check').stdout.decode(), 'says revoked without a reason')


@tap.test('nothing outlives the root (M-2)')
def root_ends():
    old = pki.make_root(end=pki.now() + 10 * pki.DAY)
    r.write('old.pem', old.pem())
    r.write('old.key', old.key_pem())
    r.write('oldmiddle.pem', old.issue_ca('Middle').pem())
    sign('--cert', 'oldmiddle.pem', '--root', 'old.pem', '--key', 'old.key', '--out', 'work/old')
    assert read('work/old-sha1.der').singles[0].next_update < time.time() + 10.1 * 86400


@tap.test('refused, with a sentence and no file')
def refused():
    other = pki.make_root('Other')
    r.write('other.pem', other.pem())
    r.write('other.key', other.key_pem())
    late = root.issue_ca('Late', start=pki.now() - 3 * pki.DAY, end=pki.now() - pki.DAY)
    r.write('late.pem', late.pem())
    keys = ('--out', 'work/never')
    for args, code, says in (
            (('--cert', 'middle.pem', '--root', 'other.pem', '--key', 'other.key'), 65,
             'was not issued by'),
            (('--cert', 'middle.pem', '--root', 'root.pem', '--key', 'other.key'), 78,
             'is not the private key'),
            (('--cert', 'late.pem', '--root', 'root.pem', '--key', 'root.key'), 65, 'expired'),
            (('--cert', 'none.pem', '--root', 'root.pem', '--key', 'root.key'), 74, 'none.pem'),
            (('--cert', 'middle.pem', '--root', 'root.pem'), 64, '--key'),
            (BASIC + ('--days', '0'), 64, '--days'),
            (BASIC + ('--validity', 'long'), 64, '--validity'),
            (BASIC + ('--reason', 'superseded'), 64, '--revoked'),
            (BASIC + ('--revoked', '2999-01-01'), 64, 'future')):
        tap.contains(sign(*args, *keys, code=code), says)
    tap.equal([n for n in os.listdir(r.path('work')) if n.startswith('never')], [])
    sign(*BASIC, '--out', 'nowhere/x', code=74)


def ask(kind=KINDS[0]):
    response = r.ask(ocsp.request(certid(kind)))
    tap.equal(response.faults(root.certificate, [certid(kind)]), [])
    return response


@tap.test('the responder answers with the files, and notices new ones within recheck (=1 s)')
def noticed():
    sign(*BASIC)
    with r.configured(ocspresponse=','.join('middle' + name for name in NAMES)):
        first = [ask(kind) for kind in KINDS]
        tap.equal(len({f.der for f in first}), 4)
        tap.equal(ask().der, first[0].der)
        sign(*BASIC, '--revoked', '2024-01-02')
        for name in NAMES:
            r.own(r.path('middle' + name))
        start, slowest = time.monotonic(), 0
        for kind in KINDS:
            while str(ask(kind)) != 'revoked':
                time.sleep(0.02)
                assert time.monotonic() - start < 5, 'not noticed'
            slowest = max(slowest, time.monotonic() - start)
        tap.note('a new file was sent after %.2f s' % slowest)
        assert slowest < 1.6, slowest


@tap.test('one in the second half of its validity is still a hit between two re-checks')
def old_but_hit():
    then = pki.now() - 300 * pki.DAY
    r.write('aged.der', root.answer(middle, start=then, end=then + 365 * pki.DAY))
    with r.configured(ocspresponse='aged.der', recheck='60'):
        ask()
        with r.configured(keep_cache=True, signer='/nonexistent'):
            ask()


@tap.test('before the end there is a warning: in the log once a day, and from check')
def warning():
    for days, soon in ((8, False), (6, True)):
        then = pki.now() - 24 * pki.DAY
        r.write('ending.der', root.answer(middle, start=then, end=pki.now() + days * pki.DAY))
        with r.configured(ocspresponse='ending.der', recheck='0'):
            r.clear_log()
            for _ in range(3):
                ask()
            lines = [l for l in r.log().splitlines() if 'sign-issuer' in l]
            assert len(lines) == soon or time.gmtime().tm_hour == 0, lines
            done = r.ctl('check').stdout.decode()
            tap.equal('sign-issuer' in done, soon, done)


tap.run(r.close)
