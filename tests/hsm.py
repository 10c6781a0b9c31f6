#!/usr/bin/python3
"""The key in a PKCS#11 token (SoftHSM): its PIN in a file, both modes of signer=, a token that is
gone and comes back. Needs softhsm2, and a provider for libcrypto, which is used if there is one, or
an engine."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import ocsp
import pki
import tap
from responder import LONG, Responder, needs_sqlite, terminate, wait_for

PIN = '73911846'
URI = 'pkcs11:token=ocsp;object=%s'


def first_of(*patterns):
    return next((path for pattern in patterns for path in glob.glob(pattern)), None)


ENGINE = first_of('/usr/lib/*/engines-3/pkcs11.so', '/usr/lib64/engines-3/pkcs11.so')
PROVIDER = first_of('/usr/lib/*/ossl-modules/pkcs11.so', '/usr/lib64/ossl-modules/pkcs11.so')
TOKENS = first_of('/usr/lib*/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so')
# what OPENSSL_CONF names where there is a provider: nothing but that loads one
OPENSSL_CONF = """openssl_conf = init
[init]
providers = providers
[providers]
default = of_libcrypto
pkcs11 = of_tokens
[of_libcrypto]
activate = 1
[of_tokens]
module = %s
pkcs11-module-path = %s
activate = 1
"""

r = folder = None


def hsm(name):
    return os.path.join(folder, name)


def prepared():
    global r
    if not LONG:
        tap.skip('only in the long run')
    if not shutil.which('softhsm2-util'):
        tap.skip('softhsm2 is not installed')
    if not ENGINE and not PROVIDER:
        tap.skip('libcrypto has neither an engine nor a provider for PKCS#11')
    needs_sqlite()
    if not r:
        set_up()
    return r


def util(*args):
    done = subprocess.run(['softhsm2-util', *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def set_up():
    """Two keys in one token: that of the CA, which is ECDSA, and an RSA one of a delegated
    responder. The token lies in a folder that the configuration doesn't name."""
    global r, folder
    folder = tempfile.mkdtemp(prefix='ocsp-hsm-', dir='/tmp')
    r = Responder(sandbox='off', timeout='10')
    os.chmod(folder, 0o755)
    os.mkdir(hsm('tokens'))
    pki.write(folder, 'softhsm2.conf', b'directories.tokendir = %s\nlog.level = ERROR\n'
              % hsm('tokens').encode())
    os.environ['SOFTHSM2_CONF'] = hsm('softhsm2.conf')
    more = {'SOFTHSM2_CONF': hsm('softhsm2.conf')}
    if PROVIDER:
        pki.write(folder, 'openssl.cnf', (OPENSSL_CONF % (PROVIDER, TOKENS)).encode())
        more['OPENSSL_CONF'] = hsm('openssl.cnf')
    plain = r.environment
    r.environment = lambda **others: plain(**dict(more, **others))
    util('--init-token', '--free', '--label', 'ocsp', '--pin', PIN, '--so-pin', '1' + PIN)
    r.responder = r.ca.issue_responder(kind='rsa')
    for number, (label, entity) in enumerate((('ca', r.ca), ('rsa', r.responder)), 1):
        file = r.write(label, entity.key_pem())
        util('--import', file, '--token', 'ocsp', '--label', label, '--id', '%02d' % number,
             '--pin', PIN)
        os.unlink(file)
    os.unlink(r.path('ca.key'))
    for base, _, files in os.walk(folder):
        for name in [base] + files:
            r.own(os.path.join(base, name))
    r.write('pin', PIN + '\n', 0o400)
    r.write('issuer.pem', r.ca.pem())
    r.write('rsa.pem', r.responder.pem())
    r.configure(pkey=URI % 'ca', passwordfile='pin')


def leaf():
    return r.add(r.ca.issue('leaf'))


class Away:
    """The token is gone for a while."""

    def __enter__(self):
        os.rename(hsm('tokens'), hsm('away'))

    def __exit__(self, *unused):
        os.rename(hsm('away'), hsm('tokens'))


class Another(Away):
    """In the token's place is one with another PIN for a while."""

    def __enter__(self):
        super().__enter__()
        os.mkdir(hsm('tokens'))
        util('--init-token', '--free', '--label', 'ocsp', '--pin', '2' + PIN, '--so-pin', '1' + PIN)
        for base, _, files in os.walk(hsm('tokens')):
            for name in [base] + files:
                r.own(os.path.join(base, name))

    def __exit__(self, *unused):
        shutil.rmtree(hsm('tokens'))
        super().__exit__()


def try_later(leaf):
    """What its request gets, and the log says why, without the PIN."""
    r.clear_log()
    done = r.run('ocsp-stdio', octets=r.request(leaf))
    tap.equal(ocsp.Response(done.stdout).code, 3, r.log())
    assert PIN.encode() not in done.stderr and PIN not in r.log()
    return r.log()


@tap.test('the keys of a CA (P-256) and of a delegated responder (RSA) sign in the token')
def signs():
    prepared()
    tap.equal(str(r.ask_about(leaf())), 'good')
    with r.configured(cert='rsa.pem', issuer='issuer.pem', pkey=URI % 'rsa'):
        tap.equal(str(r.ask_about(leaf())), 'good')
    assert PIN not in r.log()


@tap.test('ocspctl check: the key in the token belongs to the certificate, or not')
def check():
    prepared()
    leaf()
    done = r.run('ocspctl', 'check')
    tap.contains(done.stdout.decode(), 'the private key of section [ocsp] belongs to')
    tap.contains(done.stdout.decode(), 'all is as it should be')
    with r.configured(pkey=URI % 'rsa'):
        done = r.run('ocspctl', 'check')
    tap.contains(done.stdout.decode(), 'is not the private key of')
    tap.equal(done.returncode, 2)


@tap.test('no PIN, another PIN, another object, another token: tryLater, and the log says why')
def wrong():
    prepared()
    r.write('wrong-pin', '0000\n', 0o400)
    for keys, said in (({'passwordfile': None}, 'it asks for a PIN'),
                       ({'passwordfile': 'wrong-pin'}, 'refuses the PIN'),
                       ({'pkey': URI % 'none'}, 'no such key'),
                       ({'pkey': 'pkcs11:token=none;object=ca'}, 'there is no such token')):
        with r.configured(**keys):
            tap.contains(try_later(leaf()), said, str(keys))
    # once more with the right one: a wrong PIN was tried once, and the token is not locked
    tap.equal(str(r.ask_about(leaf())), 'good')


NOT_AGAIN = 'is not tried again'


def refused(count=1):
    """What the log says of so many requests, each of another certificate: how often the PIN was
    tried, and how often it was not."""
    r.clear_log()
    children = [r.start('ocsp-stdio', stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL) for _ in range(count)]
    requests = [r.request(leaf()) for _ in range(count)]
    answers = [child.communicate(octets, 60)[0] for child, octets in zip(children, requests)]
    for octets in answers:
        tap.equal(ocsp.Response(octets).code, 3, r.log())
    # ocsp-sign writes its line when the answer is out
    wait_for(lambda: r.log().count('not answered') == count, 'the log')
    assert PIN not in r.log()
    return r.log().count('the token refuses the PIN'), r.log().count(NOT_AGAIN)


@tap.test('a PIN that was refused is not tried again, by however many: tokens lock themselves')
def once():
    prepared()
    r.write('wrong-pin', '0000\n', 0o400)
    with r.configured(passwordfile='wrong-pin'):
        tap.equal(refused(12), (1, 11))
        tap.equal(refused(), (0, 1))
        # as another file, it may be another PIN
        r.write('wrong-pin', '1111\n', 0o400)
        tap.equal(refused(4), (1, 3))
        # a person's word counts for more
        tap.contains(r.run('ocspctl', 'check').stdout.decode(), 'the token refuses the PIN')
        r.clear_log()
        done = r.run('ocspctl', 'presign', '--jobs', '2')
        tap.equal(done.returncode, 78, done.stderr.decode())
        assert 'the token refuses the PIN' not in r.log() + done.stderr.decode()
        # the right one, in the same place
        r.write('wrong-pin', PIN + '\n', 0o400)
        tap.equal(str(r.ask_about(leaf())), 'good')
        # changed in the token, and not in the file
        with Another():
            tap.equal(refused(), (1, 0))
            tap.equal(refused(6), (0, 6))
        # the file is as it was: it takes a person to say that it is right again
        tap.equal(refused(), (0, 1))
        tap.contains(r.run('ocspctl', 'check').stdout.decode(), 'all is as it should be')
        tap.equal(str(r.ask_about(leaf())), 'good')


@tap.test('several CAs with one PIN: refused once; a PIN in config.ini likewise, until that changes')
def once_for_all():
    prepared()
    r.write('wrong-pin', '0000\n', 0o400)
    with r.configured(passwordfile=None, password='0000'):
        tap.equal(refused(3), (1, 2))
        with open(r.config, 'a') as f:
            f.write('# changed\n')
        tap.equal(refused(3), (1, 2))
    with r.configured(passwordfile='wrong-pin'):
        tap.equal(refused(), (1, 0))
        with r.configured(keep_cache=True, cert='rsa.pem', issuer='issuer.pem', pkey=URI % 'rsa'):
            tap.equal(refused(), (0, 1))


@tap.test('a PIN that is a credential is the same one for each process; without a cache there is no note')
def credential():
    prepared()
    with r.configured(passwordfile='$CREDENTIALS_DIRECTORY/pin'):
        plain = r.environment
        for n, tried in enumerate((1, 0, 0)):
            folder = r.folder('credentials-%d' % n)
            r.write(os.path.join(folder, 'pin'), '0000\n', 0o400)
            r.environment = lambda **more: plain(**dict({'CREDENTIALS_DIRECTORY': folder}, **more))
            tap.equal(refused(), (tried, 1 - tried))
        notes = [name for name in os.listdir(r.path('cache'))
                 if name.startswith('.pin-') and name != '.pin-lock']
        tap.equal(len(notes), 1)
        tap.contains(r.log(), 'remove %s' % r.path('cache', notes[0]))
        os.unlink(r.path('cache', notes[0]))
        tap.equal(refused(), (1, 0))
        r.environment = plain
    r.write('wrong-pin', '0000\n', 0o400)
    with r.configured(passwordfile='wrong-pin', cache=r.write('no-folder', '')):
        tap.equal(refused(), (1, 0))


@tap.test('a token that is gone: tryLater; what is cached is sent, and checked with the database')
def gone():
    prepared()
    known, revoked, new = leaf(), leaf(), leaf()
    with r.configured(recheck='1'):
        tap.equal(str(r.ask_about(known)), 'good')
        tap.equal(str(r.ask_about(revoked)), 'good')
        time.sleep(1.1)
        with Away():
            r.revoke(revoked)
            try_later(new)
            # the database says the same: no key is needed for that
            tap.equal(str(r.ask_about(known)), 'good')
            tap.contains(r.log(), 'source=store')
            # it says something else, which can't be signed, but what was signed is no longer true
            try_later(revoked)
            time.sleep(1.1)
            tap.equal(str(r.ask_about(known)), 'good')
        tap.equal(str(r.ask_about(new)), 'good', 'it is back')
        tap.equal(str(r.ask_about(revoked)), 'revoked(1)')


@tap.test('a library that hangs: tryLater within timeout=')
def hangs():
    prepared()
    one = leaf()
    fifo = hsm('fifo')
    os.mkfifo(fifo)
    r.own(fifo)
    with r.configured(timeout='2'):
        start = time.monotonic()
        # its configuration is what SoftHSM reads first
        done = r.run('ocsp-stdio', octets=r.request(one), env={'SOFTHSM2_CONF': fifo})
        took = time.monotonic() - start
    tap.equal(ocsp.Response(done.stdout).code, 3)
    assert took < 4, took


@tap.test("a child's sandbox has no room for a token's files; a signer behind a socket has")
def sandboxes():
    prepared()
    if subprocess.run([sys.executable, '-c', 'import ctypes, sys; sys.exit('
                       'ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)']).returncode:
        tap.skip('the kernel has no Landlock')
    with r.configured(sandbox='require'):
        try_later(leaf())
    if not shutil.which('systemd-socket-activate'):
        tap.skip('no systemd-socket-activate for a socket')
    path = r.path('sign.sock')
    with r.configured(sandbox='require', signer='unix:' + path):
        service = r.start_command(['systemd-socket-activate', '-l', path, '--accept', '--inetd',
                                   '-E', 'SOFTHSM2_CONF',
                                   *(['-E', 'OPENSSL_CONF'] if PROVIDER else []),
                                   *r.command('ocsp-sign')],
                                  stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(path), 'the socket')
        r.own(path)
        tap.equal(str(r.ask_about(leaf())), 'good')
        service.kill()
        service.wait()


@tap.test('presign: each process opens the token for itself; without it exit code 75')
def presign():
    prepared()
    for _ in range(20):
        leaf()
    r.clear_cache()
    done = r.run('ocspctl', 'presign', '--jobs', '2')
    tap.equal(done.returncode, 0, done.stderr.decode())
    assert len(r.cache_files()) > 20
    r.clear_cache()
    with Away():
        done = r.run('ocspctl', 'presign', '--jobs', '2')
    tap.equal(done.returncode, 75, done.stderr.decode())
    assert PIN.encode() not in done.stderr


@tap.test('watch: a token that is gone meanwhile is opened again when it is back')
def watch():
    prepared()
    one = leaf()
    tap.equal(str(r.ask_about(one)), 'good')
    r.clear_log()
    child = r.start('ocspctl', 'watch', stderr=subprocess.DEVNULL)
    wait_for(lambda: 'watching for changes' in r.log(), 'the watcher')
    with Away():
        r.revoke(one)
        wait_for(lambda: "can't be had" in r.log(), 'the watcher to miss its token')
        try_later(one)
    wait_for(lambda: str(ocsp.Response(r.run('ocsp-stdio', octets=r.request(one)).stdout))
             == 'revoked(1)', 'the revocation')
    tap.equal(terminate(child), 0)


def cpu_ms():
    """Processor time of an ocsp-sign that signs, the mean of 20."""
    took = []
    for _ in range(20):
        octets = r.request(leaf())
        before = os.times()
        r.ask(octets, program='ocsp-sign')
        after = os.times()
        took.append(after.children_user + after.children_system -
                    before.children_user - before.children_system)
    return sum(took) / len(took) * 1000


@tap.test('what a signature in a token costs')
def cost():
    prepared()
    token = cpu_ms()
    r.write('file.key', r.ca.key_pem())
    with r.configured(pkey='file.key', passwordfile=None):
        file = cpu_ms()
    tap.note('processor time of an ocsp-sign: %.1f ms with the token (by %s), %.1f with a file'
             % (token, 'a provider' if PROVIDER else 'an engine', file))


def clean_up():
    if r:
        r.close()
    if folder:
        shutil.rmtree(folder)


tap.run(clean_up)
