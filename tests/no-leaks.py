#!/usr/bin/python3
"""Passwords, passphrases and keys: where they may stand, and that they appear nowhere else: not in
arguments, environment, log, core files, nor in the memory of a process that doesn't need them."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import ocsp
import tap
from responder import Responder, needs_sqlite, stores, wait_for

PASSWORD, PASSPHRASE, ADMIN = 'db-5ecret-pa55word', 'key-5ecret-pa55phrase', 'adm1n-5ecret'
SECRETS = [s.encode() for s in (PASSWORD, PASSPHRASE, ADMIN)]

r = None


def prepared():
    global r
    needs_sqlite()
    if r:
        return
    r = Responder(timeout='20')
    r.leaf = r.add(r.ca.issue('leaf'))
    r.pem = r.ca.key_pem(PASSPHRASE.encode())
    r.write('ca.key', r.pem)
    r.write('phrase', PASSPHRASE + '\n', 0o400)
    r.write('db-password', PASSWORD + '\n', 0o400)
    r.configure(password=PASSPHRASE)
    # whatever else it says, the file is full of them
    with open(r.config, 'a') as f:
        f.write('[admin]\nusername=a\npassword=%s\n' % ADMIN)


def needs_root():
    if os.getuid() != 0:
        tap.skip("only root can read these processes' memory")


@contextlib.contextmanager
def silent_server():
    """A port that takes connections and says nothing."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        yield {'type': 'mysql', 'host': '127.0.0.1', 'port': str(server.getsockname()[1]),
               'db': 'certs', 'username': 'cert', 'file': None}, server


@contextlib.contextmanager
def asking_a_silent_server(**db):
    """An ocsp-stdio and its ocsp-sign, which waits for its database; their process numbers."""
    with silent_server() as (silent, server), r.configured(dict(silent, **db)):
        with open(r.config, 'a') as f:
            f.write('[admin]\nusername=a\npassword=%s\n' % ADMIN)
        front, client = r.converse()
        client.sendall(r.request(r.leaf))
        server.settimeout(20)
        connection = server.accept()[0]
        with open('/proc/%d/task/%d/children' % (front.pid, front.pid)) as f:
            sign = int(f.read().split()[0])
        try:
            yield front.pid, sign
        finally:
            connection.close()
            client.close()
            front.kill()
            front.wait()


def memory(pid):
    """All that it could write to; not the shadow that a sanitizer has of it."""
    found = b''
    with open('/proc/%d/maps' % pid) as maps, open('/proc/%d/mem' % pid, 'rb', 0) as mem:
        for line in maps:
            start, end, rights = re.match(r'(\w+)-(\w+) (\S+)', line).groups()
            start, end = int(start, 16), int(end, 16)
            if 'w' in rights and end - start < 1 << 28:
                mem.seek(start)
                with contextlib.suppress(OSError):
                    found += mem.read(end - start)
    return found


def status(pid, name):
    with open('/proc/%d/status' % pid) as f:
        return re.search(r'^%s:\t(.*)$' % name, f.read(), re.M).group(1)


@tap.test('no secret stands in arguments or environment')
def arguments():
    prepared()
    needs_root()    # what they keep from others of their user
    with asking_a_silent_server(password=PASSWORD) as pids:
        for pid in pids:
            for name in ('cmdline', 'environ'):
                with open('/proc/%d/%s' % (pid, name), 'rb') as f:
                    octets = f.read()
                assert octets and not any(s in octets for s in SECRETS), (name, octets)


@tap.test('the front has no secret in its memory; ocsp-sign has what it needs, and no more')
def memories():
    prepared()
    needs_root()
    with asking_a_silent_server(password=PASSWORD) as (front, sign):
        octets = memory(front)
        assert len(octets) > 65536
        assert not any(s in octets for s in SECRETS + [b'PRIVATE KEY'])
        octets = memory(sign)
        # this shows that the search finds something
        assert PASSWORD.encode() in octets
        assert ADMIN.encode() not in octets and b'PRIVATE KEY' not in octets
    with asking_a_silent_server(password=None, passwordfile='db-password') as (front, sign):
        assert PASSWORD.encode() not in memory(front)


@contextlib.contextmanager
def after_signing():
    """An ocsp-sign that has signed and published, and can't get rid of its answer."""
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    theirs.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            theirs.send(b'x' * 1024)
    theirs.setblocking(True)
    child = r.start('ocsp-sign', stdin=subprocess.PIPE, stdout=theirs)
    theirs.close()
    try:
        child.stdin.write(r.request(r.leaf))
        child.stdin.close()
        wait_for(lambda: r.cache_files(), 'an answer in the cache')
        yield child.pid
    finally:
        child.kill()
        child.wait()
        ours.close()


@tap.test('after use: no passphrase, and no key as its file had it')
def wiped():
    prepared()
    needs_root()
    plain = r.ca.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with r.configured(password=None, passwordfile='phrase'), after_signing() as pid:
        octets = memory(pid)
    assert PASSPHRASE.encode() not in octets
    assert r.pem.splitlines()[1] not in octets, 'the text of the encrypted key'
    assert plain not in octets, 'the key in DER'
    r.write('ca.key', r.ca.key_pem())
    try:
        with r.configured(password=None), after_signing() as pid:
            octets = memory(pid)
    finally:
        r.write('ca.key', r.pem)
    assert r.ca.key_pem().splitlines()[1] not in octets, 'the text of the key'
    assert plain not in octets


def looks_away(pid):
    """No core file, and nothing of /proc for others of its user."""
    with open('/proc/%d/limits' % pid) as f:
        assert re.search(r'^Max core file size +0 +0 ', f.read(), re.M)
    if os.getuid() == 0:
        tap.equal(os.stat('/proc/%d/environ' % pid).st_uid, 0)
        assert status(pid, 'Uid').split()[0] != '0', status(pid, 'Uid')


def ends_without_core(child):
    child.send_signal(signal.SIGABRT)
    code = os.waitpid(child.pid, 0)[1]
    child.returncode = -signal.SIGABRT
    assert os.WIFSIGNALED(code) and not os.WCOREDUMP(code), code


@tap.test('no program leaves a core file, or lets others of its user look into it')
def cores():
    prepared()
    for program, args in (('ocsp-stdio', ()), ('ocsp-sign', ()), ('ocspctl', ('watch',))):
        ours, theirs = socket.socketpair()
        child = r.start(program, *args, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        # each is ready once it waits for somebody, with its last change of user behind it
        wait_for(lambda: status(child.pid, 'State')[0] == 'S' and
                 (program != 'ocspctl' or 'watching' in r.log()), program + ' to wait')
        looks_away(child.pid)
        ends_without_core(child)
        ours.close()


@tap.test('at DEBUG, whatever goes wrong: no secret in the log, on standard error or in an answer')
def logs():
    prepared()
    r.clear_log()
    r.write('wrong', 'wrong-' + PASSPHRASE, 0o400)
    said = b''
    for keys in ({}, {'password': 'wrong-' + PASSPHRASE}, {'password': None},
                 {'password': None, 'passwordfile': 'wrong'}, {'passwordfile': 'phrase'},
                 {'password': '"%s' % PASSPHRASE}, {'pasword': PASSPHRASE},
                 {'password': None, 'passwordfile': 'config.ini'},
                 {'pkey': 'pkcs11:object=x?pin-value=' + PASSPHRASE},
                 {'pkey': 'nosuch:object=x;pin=' + PASSPHRASE}):
        with r.configured(**keys):
            for program in ('ocsp-stdio', 'ocsp-sign'):
                done = r.run(program, octets=r.request(r.leaf))
                said += done.stdout + done.stderr
            for verb in (('check',), ('explain', hex(r.leaf.serial)), ('list',)):
                done = r.run('ocspctl', *verb)
                said += done.stdout + done.stderr
        r.ocsp.pop('pasword', None)
    with silent_server() as (silent, _), r.configured(dict(silent, password=PASSWORD), timeout='1'):
        done = r.run('ocsp-stdio', octets=r.request(r.leaf))
        said += done.stdout + done.stderr
    said += r.log().encode()
    assert b'does not open it' in said and b'answered' in said, said[-2000:]
    for secret in SECRETS + [b'PRIVATE KEY']:
        at = said.find(secret)
        assert at < 0, said[max(at - 300, 0):at + 100]


@tap.test('a password of the database in a file of its own, or as a credential; another one is refused')
def database():
    if 'mysql' not in stores():
        tap.skip('no MariaDB')
    with Responder(store='mysql', passwordfile=None) as m:
        leaf = m.add(m.ca.issue('leaf'))
        m.folder('credentials')
        m.write('credentials/db', 'pycert\n', 0o400)
        m.write('wrong', PASSWORD + '\n', 0o400)
        env = {'CREDENTIALS_DIRECTORY': m.path('credentials')}
        with m.configured({'password': None, 'passwordfile': '$CREDENTIALS_DIRECTORY/db'}):
            tap.equal(str(m.ask_about(leaf, env=env)), 'good')
            # its folder is one that the sandbox has no other reason to leave open
            done = m.run('ocsp-stdio', octets=m.request(m.add(m.ca.issue('new'))))
            tap.equal(ocsp.Response(done.stdout).code, 3)
            tap.contains(m.log(), 'systemd has passed no credentials to this process')
        with m.configured({'password': None, 'passwordfile': 'wrong'}):
            done = m.run('ocsp-stdio', octets=m.request(leaf))
            tap.equal(ocsp.Response(done.stdout).code, 3)
        assert PASSWORD not in m.log()


@tap.test('temporary files have names that nobody can guess, and are nobody else\'s')
def temporary():
    prepared()
    needs_root()
    if not shutil.which('strace'):
        tap.skip('no strace here')
    names = set()
    for _ in range(2):
        r.clear_cache()
        trace = r.path('work', 'trace')
        done = subprocess.run(['strace', '-f', '-o', trace, '-e', 'trace=openat,link,linkat',
                               *r.command('ocsp-sign')], input=r.request(r.leaf),
                              capture_output=True, cwd=r.dir, env=r.environment())
        tap.equal(done.returncode, 0, done.stderr.decode())
        with open(trace) as f:
            made = [line for line in f if 'O_CREAT' in line]
        for line in made:
            path, flags = re.search(r'"([^"]*)", ([A-Z_|]+)', line).groups()
            # of one of these names it makes its own file, or none; the others are locks and the log
            if 'O_EXCL' in flags:
                tap.contains(flags, 'O_NOFOLLOW')
                assert re.search(r'\.~[0-9a-f]{16}$', path), path
                names.add(path[-16:])
            else:
                assert re.search(r'/\.lock$|/ocsp\.log$', path) and 'O_NOFOLLOW' in flags, line
    # of the answer, of .issuers and of .metrics-sign, each time others
    assert len(names) >= 4, names


tap.run(lambda: r and r.close())
