#!/usr/bin/python3
"""What a stolen process can do: the front of each mode of signer=, taken over where it waits for its
client, tries what the threat model says it can't (docs/security.md)."""
import json
import os
import socket
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import stolen
import tap
import wire
from responder import Responder, children_of, needs_sqlite, read_all, terminate, wait_for
from stolen import AT_FDCWD, Killed, Stolen

# Nobody has this number: what signs is another user than what parses.
SIGNER = 64002
PASSWORD, PASSPHRASE = 'db-5ecret-pa55word', 'key-5ecret-pa55phrase'

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 1, 2, 10, 16, 17
PROT_RWX, MAP_PRIVATE_ANONYMOUS, CLONE_NEWUSER = 7, 0x22, 0x10000000
PTRACE_ATTACH = 16

r = None
services = []


def landlock():
    """The version of the kernel's Landlock, or less than 1."""
    return stolen.libc.syscall(444, None, 0, 1)


def needs(version=0):
    reason = stolen.possible()
    if reason:
        tap.skip(reason)
    needs_sqlite()
    if landlock() < version:
        tap.skip('the kernel has no Landlock of version %d' % version)


class SignService:
    """What ocsp-sign.socket does: an ocsp-sign for each connection."""

    def __init__(self, path, group):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chown(path, 0, group)
        os.chmod(path, 0o660)
        self.socket.listen(64)
        self.children = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection = self.socket.accept()[0]
            self.children.append(r.start('ocsp-sign', stdin=connection, stdout=connection))
            connection.close()


def set_up():
    """A responder with two users, as "ocspctl setup" makes them."""
    global r, leaf, gone
    r = Responder(timeout='20', sandbox='require' if landlock() >= 1 else 'auto')
    leaf, gone = r.add(r.ca.issue('leaf')), r.add(r.ca.issue('gone'))
    r.revoke(gone)
    group = r.account.pw_gid
    r.write('ca.pem', r.ca.pem(), 0o644)
    r.write('ca.key', r.ca.key_pem(PASSPHRASE.encode()))
    r.write('phrase', PASSPHRASE + '\n', 0o400)
    r.write('db-password', PASSWORD + '\n', 0o400)
    for name in ('ca.key', 'phrase', 'db-password', 'cache', 'db', 'db/certs.db'):
        os.chown(r.path(name), SIGNER, group if name == 'cache' else SIGNER)
    os.chmod(r.path('cache'), 0o2750)
    os.chmod(r.path('db'), 0o700)
    # the log of tests is a file; a service's is the journal
    r.write('log/ocsp.log', b'', 0o666)
    os.chmod(r.path('log'), 0o777)
    with open(r.path('cache', '.metrics'), 'w') as f:
        os.fchown(f.fileno(), r.account.pw_uid, group)
        os.fchmod(f.fileno(), 0o600)
    r.write('public', 'anybody may write this', 0o666)
    path = r.path('sign.sock')
    r.configure({'passwordfile': 'db-password'}, passwordfile='phrase', signuser=str(SIGNER),
                signer='unix:' + path)
    services.append(SignService(path, group))


def prepared(version=0):
    needs(version)
    if not r:
        set_up()


class Front:
    """An ocsp-stdio that waits for its client, stolen."""

    def __init__(self, **keys):
        self.keys = keys

    def __enter__(self):
        with r.configured(keep_cache=True, **self.keys):
            self.child, self.client = r.converse()
            wait_for(self._waits, 'ocsp-stdio to wait for a request')
        self.stolen = Stolen(self.child.pid)
        return self.stolen.__enter__()

    def _waits(self):
        with open('/proc/%d/status' % self.child.pid) as f:
            status = f.read()
        locked = 'Seccomp:\t2' in status or self.keys.get('sandbox') == 'off'
        return locked and 'State:\tS' in status and 'Uid:\t0' not in status

    def __exit__(self, *error):
        self.stolen.__exit__(*error)
        self.child.returncode = -9
        self.client.close()


def attempt(process, call, arguments):
    """What becomes of a call. An argument in bytes is put into memory."""
    try:
        return process.call(call, *(process.octets(a) if isinstance(a, bytes) else a
                                    for a in arguments))
    except Killed as signal:
        return str(signal)


def outcome(call, *arguments, **keys):
    """The same in a process of its own."""
    with Front(**keys) as s:
        return attempt(s, call, arguments)


def path(name):
    return os.fsencode(name) + b'\0'


def opened(name, flags=os.O_RDONLY, **keys):
    return outcome('openat', AT_FDCWD, path(name), flags, 0o600, **keys)


def ask(certificate):
    return str(r.ask_about(certificate))


@tap.test('two users: answers are signed and published by the one, sent by the other')
def answers():
    prepared()
    tap.equal((ask(leaf), ask(gone)), ('good', 'revoked(1)'))
    files = r.cache_files()
    tap.equal(len(files), 2)
    for file in files:
        s = os.stat(file)
        tap.equal((s.st_uid, s.st_gid, stat.S_IMODE(s.st_mode)),
                  (SIGNER, r.account.pw_gid, 0o640))
    r.clear_log()
    tap.equal(ask(leaf), 'good')
    tap.contains(r.log(), 'source=cache')
    assert os.stat(r.path('cache', '.metrics')).st_size, 'the front has not counted'


def started_by(client, *parts):
    """The process id of the ocsp-sign that is started for this client, once its status says so."""
    before = len(services[0].children)
    client.connect(r.path('sign.sock'))
    wait_for(lambda: len(services[0].children) > before, 'ocsp-sign to be started')
    pid = services[0].children[-1].pid

    def is_so():
        with open('/proc/%d/status' % pid) as f:
            text = f.read()
        return all(part in text for part in parts)
    wait_for(is_so, 'ocsp-sign to have %s' % (parts,))
    return pid


@tap.test('two users: what the one that parses may not, by its user alone')
def users():
    prepared()
    # an ocsp-sign that waits for a request
    with socket.socket(socket.AF_UNIX) as waiting:
        signer = started_by(waiting, 'Uid:\t%d\t%d' % (SIGNER, SIGNER))
        cached = r.cache_files()[0]
        with Front(sandbox='off') as s:
            for name in ('ca.key', 'phrase', 'db-password', 'db/certs.db'):
                tap.equal(s.call('openat', AT_FDCWD, s.text(r.path(name)), os.O_RDONLY), 'EACCES',
                          name)
            for name in ('mem', 'environ', 'maps'):
                tap.equal(s.call('openat', AT_FDCWD, s.text('/proc/%d/%s' % (signer, name)),
                                 os.O_RDONLY), 'EACCES', name)
            tap.equal(s.call('ptrace', PTRACE_ATTACH, signer, 0, 0), 'EPERM')
            local = s.pointers(s.room + 4096, 8)
            tap.equal(s.call('process_vm_readv', signer, local, 1, local, 1, 0), 'EPERM')
            tap.equal(s.call('kill', signer, 9), 'EPERM')
            # the cache: an answer, a new one, a folder, another name
            tap.equal(s.call('openat', AT_FDCWD, s.text(cached), os.O_RDWR), 'EACCES')
            new = s.text(r.path('cache', 'new'))
            tap.equal(s.call('openat', AT_FDCWD, new, os.O_WRONLY | os.O_CREAT, 0o600), 'EACCES')
            tap.equal(s.call('mkdir', new, 0o700), 'EACCES')
            tap.equal(s.call('symlink', s.text('x'), new), 'EACCES')
            tap.equal(s.call('rename', s.text(cached), new), 'EACCES')
            tap.equal(s.call('unlink', s.text(cached)), 'EACCES')
            tap.equal(s.call('chmod', s.text(r.path('cache')), 0o777), 'EPERM')
            # its own configuration it reads, as it has to: nothing secret is in it
            assert s.call('openat', AT_FDCWD, s.text(r.config), os.O_RDONLY) >= 0
    with open(r.config) as f:
        text = f.read()
    assert PASSWORD not in text and PASSPHRASE not in text
    with open(r.path('ca.key')) as f:
        tap.contains(f.read(), 'ENCRYPTED')


# What ends the process, in the mode with two users. Arguments that would do nothing.
DEADLY = [
    ('execve', path('/bin/true'), 0, 0), ('socket', AF_INET, 1, 0), ('socket', AF_INET6, 2, 0),
    ('socket', AF_NETLINK, 3, 0), ('socket', AF_PACKET, 3, 0), ('ptrace', PTRACE_ATTACH, 1, 0, 0),
    ('process_vm_readv', 1, 0, 0, 0, 0, 0), ('mount', 0, 0, 0, 0, 0), ('unlink', path('/x')),
    ('rename', path('/x'), path('/y')), ('mkdir', path('/tmp/x'), 0),
    ('link', path('/x'), path('/y')),
    ('symlink', path('/x'), path('/y')), ('chmod', path('/x'), 0), ('chown', path('/x'), 0, 0),
    ('mknod', path('/x'), 0, 0), ('setuid', 0), ('capset', 0, 0),
    ('unshare', CLONE_NEWUSER), ('setns', 0, 0),
    ('chroot', path('/')), ('mmap', 0, 4096, PROT_RWX, MAP_PRIVATE_ANONYMOUS, -1, 0),
    ('mprotect', 0, 4096, PROT_RWX), ('bpf', 0, 0, 0), ('io_uring_setup', 1, 0), ('keyctl', 0, 0),
    ('perf_event_open', 0, 0, 0, 0, 0), ('userfaultfd', 0), ('memfd_create', path('x'), 0),
    ('memfd_secret', 0), ('pidfd_open', 1, 0), ('pidfd_getfd', 0, 0, 0), ('kcmp', 1, 1, 0, 0, 0),
    ('process_madvise', 0, 0, 0, 0, 0), ('open_by_handle_at', 0, 0, 0), ('personality', 0),
    ('prctl', 4, 1, 0, 0, 0), ('seccomp', 0, 0, 0), ('setrlimit', 4, 0), ('prlimit64', 0, 4, 0, 0),
    ('init_module', 0, 0, 0),
]
# Those of them that ocsp-sign has no use for, and is refused.
REFUSABLE = (
    'ptrace', 'process_vm_readv', 'mount', 'unshare', 'setns', 'chroot', 'bpf', 'io_uring_setup',
    'keyctl', 'perf_event_open', 'userfaultfd', 'pidfd_getfd', 'kcmp', 'process_madvise',
    'open_by_handle_at', 'personality', 'init_module', 'setuid', 'capset', 'mknod')


@tap.test('two users: %d calls end the process that parses' % len(DEADLY))
def deadly():
    prepared()
    for call, *arguments in DEADLY:
        tap.equal(outcome(call, *arguments), 'SIGSYS', call)


@tap.test('two users: no file is written, not even its own; no namespace is made')
def no_writing():
    prepared()
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT, os.O_RDONLY | os.O_TRUNC):
        tap.equal(opened(r.path('cache', '.metrics'), flags), 'EACCES')
        tap.equal(opened('/tmp/new', flags), 'EACCES')
    tap.equal(outcome('clone', CLONE_NEWUSER | 17, 0, 0, 0, 0), 'EPERM')
    assert not os.path.exists('/tmp/new')


@tap.test('two users: nothing is read but the cache and the folder of config.ini')
def no_reading():
    prepared(1)
    for name in ('/etc/passwd', '/etc/hostname', '/proc/self/status', '/usr/bin/env', '/'):
        tap.equal(opened(name), 'EACCES', name)
    # by its user it may, as this shows
    assert opened('/etc/passwd', sandbox='off') >= 0
    assert opened(r.cache_files()[0]) >= 0


@tap.test('two users: no signal leaves the sandbox')
def no_signals():
    prepared(6)
    with subprocess.Popen(['sleep', '60'], user=r.account.pw_uid) as other:
        try:
            tap.equal(outcome('kill', other.pid, 9), 'EPERM')
            tap.equal(outcome('kill', other.pid, 0, sandbox='off'), 0)
        finally:
            other.kill()


@tap.test('two users: a stolen instance of --listen is ended like any other, and the rest go on')
def instance():
    prepared()
    child, port = r.listen()
    ended = set(children_of(child.pid))     # its keeper is no instance

    def instances():
        return set(children_of(child.pid)) - ended
    for call, *arguments in DEADLY[:3]:
        with wire.connect(port) as client:
            client.sendall(b'P')
            wait_for(instances, 'an instance')
            pid = instances().pop()
            with Stolen(pid) as s:
                tap.equal(attempt(s, call, arguments), 'SIGSYS', call)
            ended.add(pid)
    with wire.connect(port) as client:
        client.sendall(wire.post(r.request(leaf)))
        tap.contains(read_all(client), b'200 OK')
    tap.equal(terminate(child), 0)


@tap.test('two users: the one that signs is locked in as well')
def signer():
    prepared(1)
    calls = [call for call in DEADLY if call[0] in REFUSABLE]
    tap.equal(len(calls), len(REFUSABLE))
    for call, *arguments in calls + [('openat', AT_FDCWD, path(r.path('public')), os.O_RDWR),
                                     ('openat', AT_FDCWD, path('/tmp/new'), os.O_CREAT, 0o600),
                                     ('execve', path(r.path('bin', 'ocspctl')), 0, 0)]:
        with socket.socket(socket.AF_UNIX) as asking:
            with Stolen(started_by(asking, 'Seccomp:\t2', 'State:\tS')) as s:
                tap.equal(attempt(s, call, arguments),
                          'EACCES' if call in ('openat', 'execve') else 'EPERM', call)


def found():
    """{level: texts} of ocspctl check about the one that parses."""
    report = json.loads(r.run('ocspctl', 'check', '--json').stdout)
    texts = {'ok': '', 'warning': '', 'error': ''}
    for finding in report['findings']:
        if 'parses requests' in finding['text']:
            texts[finding['level']] += finding['text'] + '\n'
    return texts


@tap.test('two users: ocspctl check says what the one that parses can reach')
def check():
    prepared()
    os.chmod(r.config, 0o640)
    # or nothing below it could be reached, whatever its mode
    os.chmod(r.path('db'), 0o711)
    tap.contains(found()['ok'], 'can read neither keys nor passwords, nor write to the cache')
    for name, mode, said in (('phrase', 0o444, 'can read a key, or a file of passwordfile='),
                             ('ca.key', 0o640, 'can read a key'),
                             ('cache', 0o2770, 'can write to the cache'),
                             ('cache', 0o700, "can't read the cache"),
                             ('db/certs.db', 0o660, 'can write to the file of the database'),
                             ('sign.sock', 0o600, "can't write to the socket"),
                             ('config.ini', 0o200, "can't read the configuration")):
        before = os.stat(r.path(name))
        os.chown(r.path(name), -1, r.account.pw_gid)
        os.chmod(r.path(name), mode)
        try:
            tap.contains(found()['error'], said, name)
        finally:
            os.chown(r.path(name), -1, before.st_gid)
            os.chmod(r.path(name), stat.S_IMODE(before.st_mode))
    os.chmod(r.path('db'), 0o700)
    with r.configured({'passwordfile': None, 'password': PASSWORD}, keep_cache=True):
        tap.contains(found()['error'], 'has a password in it')
    with r.configured(signuser=None, keep_cache=True):
        tap.contains(r.run('ocspctl', 'check').stdout.decode(), 'set signuser=')


# Where ocsp-sign is a child of the same user, its needs are left; what is not among them is refused.
REFUSED = [call for call in DEADLY if call[0] in REFUSABLE]


def one_user():
    """The keys of the plain mode. It reads the key and what its passphrase is: that is the point."""
    return {'signer': r.path('bin', 'ocsp-sign'), 'signuser': None}


@tap.test('one user: %d calls are refused' % len(REFUSED))
def refused():
    prepared()
    for call, *arguments in REFUSED:
        tap.equal(outcome(call, *arguments, **one_user()), 'EPERM', call)
    for family in (AF_NETLINK, AF_PACKET):
        tap.equal(outcome('socket', family, 3, 0, **one_user()), 'EAFNOSUPPORT')
    tap.equal(outcome('clone', CLONE_NEWUSER | 17, 0, 0, 0, 0, **one_user()), 'EPERM')


@tap.test('one user: only the cache and the log are written, only programs of the system are run')
def one_user_files():
    prepared(1)
    os.chmod(r.path('work'), 0o777)
    r.script('work/program', 'true')
    writing = os.O_WRONLY | os.O_CREAT
    for name in (r.path('work', 'new'), r.path('bin', 'new'), '/tmp/ocsp-test-new', r.config):
        tap.equal(opened(name, writing, **one_user()), 'EACCES', name)
    tap.equal(opened(r.path('public'), sandbox='off', **one_user()) >= 0, True)
    tap.equal(outcome('execve', path(r.path('work', 'program')), 0, 0, **one_user()), 'EACCES')
    assert opened(r.log_file, os.O_WRONLY, **one_user()) >= 0


def clean_up():
    if r:
        for service in services:
            for child in service.children:
                child.kill()
        r.close()


tap.run(clean_up)
