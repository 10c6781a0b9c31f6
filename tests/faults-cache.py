#!/usr/bin/python3
"""A cache directory that is full, read-only, missing, somebody else's or full of hostile files:
answers go on, right ones, signed anew each time; nothing is followed, nothing hangs; and when it is
mended all is as before, without help.

OCSP_TEST_ALL does each thing ten times as often. The figures are printed as comments."""
import contextlib
import errno
import os
import shutil
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import faults
import ocsp
import pki
import tap
import wire
from responder import LONG, Responder, read_all, terminate, wait_for

ROUNDS = 20 if LONG else 2
PATIENCE_S = 20

r = Responder(timeout='20', recheck='60')
leaves = [r.add(r.ca.issue('leaf', key=r.ca.key)) for _ in range(3)]
revoked = r.add(r.ca.issue('revoked', key=r.ca.key), status='Revoked', when='2026-01-02 03:04:05',
                reason='key_compromise')
ALLOWED = {leaf: ('good',) for leaf in leaves}
ALLOWED[revoked] = ('revoked(1)',)
NO_SIGNER = '/nonexistent/ocsp-sign'


def tally():
    return faults.Tally(r.ca.certificate, PATIENCE_S)


def ask_all(t, rounds=1):
    for _ in range(rounds):
        for leaf, allowed in ALLOWED.items():
            faults.ask_once(r, t, leaf, allowed)


def is_cached(leaf):
    """Is it answered without ocsp-sign?"""
    with r.configured(keep_cache=True, signer=NO_SIGNER):
        return str(r.ask(r.request(leaf))) in ALLOWED[leaf]


def recovers():
    """Seconds until all answers come from the cache again."""
    start = time.monotonic()
    while not all([is_cached(leaf) for leaf in ALLOWED]):
        assert time.monotonic() - start < 10, 'it does not recover:\n' + r.log()[-3000:]
        for leaf in ALLOWED:
            r.ask(r.request(leaf))
    return time.monotonic() - start


def temporaries():
    return [name for _, _, names in os.walk(r.path('cache')) for name in names if '.~' in name]


def fault(name, cached, says, rounds=ROUNDS):
    """While a fault lasts: right answers, a line in the log that says what is wrong, and a
    revocation that is seen at once with recheck=0. cached: do answers still come from it?"""
    t = tally()
    r.clear_log()
    ask_all(t, rounds)
    if not cached:
        assert r.signatures() >= rounds * len(ALLOWED), 'an answer came from nowhere'
    tap.contains(r.log(), says, name)
    with r.configured(keep_cache=True, recheck='0'):
        r.revoke(leaves[0])
        faults.ask_once(r, t, leaves[0], ('revoked(1)',))
        r.unrevoke(leaves[0])
        faults.ask_once(r, t, leaves[0])
    return t


@contextlib.contextmanager
def in_place_of_cache():
    """For a while another thing may stand there."""
    os.rename(r.path('cache'), r.path('cache.away'))
    try:
        yield r.path('cache')
    finally:
        if os.path.islink(r.path('cache')) or os.path.isfile(r.path('cache')):
            os.unlink(r.path('cache'))
        elif os.path.isdir(r.path('cache')):
            shutil.rmtree(r.path('cache'))
        os.rename(r.path('cache.away'), r.path('cache'))


# --- no room

def fill_up(path):
    with open(os.path.join(path, 'filler'), 'wb', buffering=0) as f:
        with contextlib.suppress(OSError):
            while f.write(bytes(4096)):
                pass


def take_inodes(path):
    os.makedirs(os.path.join(path, 'many'), exist_ok=True)
    with contextlib.suppress(OSError):
        for i in range(10000):
            open(os.path.join(path, 'many', '%d.%d' % (time.time_ns(), i)), 'w').close()


def small(options):
    uid = r.account.pw_uid
    return faults.tmpfs(r.path('cache'), 'mode=0700,uid=%d,%s' % (uid, options))


def no_room(name, options, fill, remove):
    with small(options) as path:
        ask_all(tally())
        assert is_cached(leaves[0])
        fill(path)
        for file in r.cache_files():
            os.unlink(file)
        fill(path)
        t = fault(name, False, 'No space left on device')
        tap.equal(temporaries(), [])
        tap.equal(r.cache_files(), [])
        remove(path)
        faults.row(name, ROUNDS, t, recovers())
        t.check(put_off=0)


tap.add('a full disk: signed anew each time, and no rubbish stays (D-11)', no_room,
        'cache on a full disk', 'size=128k', fill_up,
        lambda path: os.unlink(os.path.join(path, 'filler')))
tap.add('no inodes: the same (D-11)', no_room, 'cache without inodes', 'size=1m,nr_inodes=60',
        take_inodes, lambda path: shutil.rmtree(os.path.join(path, 'many')))


@tap.test('a disk that fills up while answers are written: each file is whole or not there')
def fills_up():
    t = tally()
    with small('size=96k'):
        many = [r.add(r.ca.issue('many', key=r.ca.key)) for _ in range(40)]
        r.clear_log()
        for leaf in many:
            faults.ask_once(r, t, leaf)
        tap.contains(r.log(), 'No space left on device')
        for file in r.cache_files():
            with open(file, 'rb') as f:
                tap.equal(ocsp.Response(f.read()).faults(r.ca.certificate), [])
        tap.equal(temporaries(), [])
        faults.row('disk fills up meanwhile', 40, t)
        t.check(right=40, put_off=0)


# --- a disk that stands still

def by_listener(t, port, leaf, allowed, most_s):
    """Asks a listener, and reads to the end of the connection."""
    def exchange():
        with wire.connect(port, seconds=20) as sock:
            sock.sendall(wire.post(r.request(leaf)))
            reply = wire.only(read_all(sock))
        assert reply.status == 200, reply.status
        return reply.body

    start = time.monotonic()
    tap.equal(t.ask(r.certid(leaf), allowed, exchange), 'right', str(dict(t.samples)))
    assert time.monotonic() - start < most_s, 'an answer took %.1f s' % (time.monotonic() - start)


@tap.test('a disk that stands still for a while: hits go on at their speed, the rest in time (B-13)')
def stands_still():
    t, timeout_s = tally(), 3
    absent = r.add(r.ca.issue('not there yet', key=r.ca.key))
    with faults.disk(r.path('cache'), r.path('work', 'disk')) as path:
        os.chmod(path, 0o700)
        r.own(path)
        with r.configured(keep_cache=True, timeout=str(timeout_s)):
            ask_all(tally())
            child, port = r.listen()
            with faults.frozen(path):
                # each process counts what it did, which takes until then: as many as may be
                for _ in range(min(ROUNDS, 15)):
                    for leaf, allowed in ALLOWED.items():
                        by_listener(t, port, leaf, allowed, 1)
                by_listener(t, port, absent, ('tryLater',), timeout_s)
            start = time.monotonic()
            by_listener(t, port, absent, ('good',), timeout_s)
            seconds = time.monotonic() - start
            terminate(child)
            # what nobody has agreed to lately: ocsp-sign can't be killed, and isn't waited for
            with r.configured(keep_cache=True, recheck='0'):
                child, port = r.listen()
                with faults.frozen(path):
                    by_listener(t, port, leaves[0], ('good',), timeout_s)
                terminate(child)
        faults.row('cache on a disk that stands still', 2, t, seconds)


@tap.test('a disk that stands still does not hold up who refuses connections')
def refused_meanwhile():
    with faults.disk(r.path('cache'), r.path('work', 'disk')) as path:
        os.chmod(path, 0o700)
        r.own(path)
        with r.configured(keep_cache=True, maxpersource='2'):
            ask_all(tally())
            child, port = r.listen()
            with faults.frozen(path):
                held = [wire.connect(port, seconds=20) for _ in range(2)]
                for _ in range(3):
                    with wire.connect(port, seconds=5) as sock:
                        tap.equal(wire.only(read_all(sock)).status, 503)
                for sock in held:
                    sock.close()
                wait_for(lambda: accepts_again(port), 'a free place', 5)
            terminate(child)
            said = r.check_ctl('metrics')
            tap.contains(said, 'connections refused')


def accepts_again(port):
    with wire.connect(port, seconds=5) as sock:
        sock.sendall(wire.post(r.request(leaves[0])))
        return wire.only(read_all(sock)).status == 200


# --- no right

@tap.test('a file system that turns read-only: hits go on, the rest is signed anew (D-11)')
def read_only():
    with small('size=4m'):
        ask_all(tally())
        faults.remount(r.path('cache'), 'ro')
        try:
            assert is_cached(leaves[1])
            with r.configured(keep_cache=True, recheck='1'):
                # nothing agrees any more by then, and that it does can't be written down
                time.sleep(1.1)
                t = fault('read-only', True, 'Read-only file system')
        finally:
            faults.remount(r.path('cache'), 'rw')
        faults.row('cache remounted read-only', ROUNDS, t, recovers())
        t.check(put_off=0)


def not_ours(name, mode, owner):
    if os.getuid() != 0:
        tap.skip('only root can give a folder away')
    with in_place_of_cache() as path:
        os.mkdir(path)
        os.chmod(path, mode)
        os.chown(path, owner, owner)
        t = fault(name, False, 'cache')
        os.chmod(path, 0o700)
        r.own(path)
        faults.row(name, ROUNDS, t, recovers())
        t.check(put_off=0)


tap.add("a cache directory that is somebody else's, readable (D-11)", not_ours,
        "cache is another user's, 0755", 0o755, 0)
tap.add("a cache directory that is somebody else's, closed (D-11)", not_ours,
        "cache is another user's, 0700", 0o700, 0)


@tap.test('a cache directory with mode 0000')
def no_mode():
    mode = stat.S_IMODE(os.stat(r.path('cache')).st_mode)
    os.chmod(r.path('cache'), 0)
    try:
        t = fault('mode 0000', False, 'cache')
    finally:
        os.chmod(r.path('cache'), mode)
    faults.row('cache with mode 0000', ROUNDS, t, recovers())
    t.check(put_off=0)


# --- no directory

def replaced(name, make, mend):
    """The folder that it lies in is root's, so that it can't be made anew either."""
    with in_place_of_cache() as path:
        make(path)
        t = fault(name, False, 'cache')
        mend(path)
        faults.row(name, ROUNDS, t, recovers())
        t.check(put_off=0)


def put_back(path):
    if os.path.lexists(path):
        os.unlink(path)
    os.mkdir(path, 0o700)
    r.own(path)


if os.getuid() == 0:    # else the programs could make it anew
    tap.add('no cache directory, and none can be made (D-11)', replaced,
            'cache directory missing', lambda path: None, put_back)
tap.add('a file in place of the cache directory', replaced, 'cache directory is a file',
        lambda path: r.own(pki.write('/', path, b'a file')), put_back)
tap.add('a link to nowhere in place of the cache directory', replaced,
        'cache directory is a dangling link',
        lambda path: os.symlink('/nonexistent/folder', path), put_back)
tap.add('a link to itself in place of the cache directory', replaced,
        'cache directory is a loop of links', lambda path: os.symlink(path, path), put_back)
tap.add('a FIFO in place of the cache directory', replaced, 'cache directory is a FIFO',
        lambda path: r.own(os.mkfifo(path) or path), put_back)


# --- hostile files

def place_of(leaf):
    return next(path for path in r.cache_files() if '%x' % leaf.serial in path)


def write(path, octets):
    return r.own(pki.write('/', path, octets, 0o600))


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(os.path.dirname(path))
        s.bind(os.path.basename(path)[-90:])
        os.rename(os.path.basename(path)[-90:], path)
        os.chdir('/')
    r.own(path)


def make_device(path):
    if os.getuid() != 0:
        tap.skip('only root can make a device node')
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    r.own(path)


def make_sparse(path, size):
    write(path, b'\x30')
    os.truncate(path, size)


def secret():
    """A file that nobody else may read."""
    return r.path('secret')


def state_of_secret():
    found = os.stat(secret())
    return found.st_mode, found.st_uid, found.st_size, found.st_mtime


pki.write(r.dir, 'secret', b'-----BEGIN SECRET-----', 0o600)


def stranger_answer(leaf, **options):
    """What another CA of the same name says."""
    other = pki.make_root('Test CA')
    return other.answer(other.issue('leaf', serial=leaf.serial), **options)


def with_bad_signature(octets):
    return octets[:-1] + bytes([octets[-1] ^ 1])


DAY = pki.DAY
HOSTILE = {
    'link to a secret': lambda path, leaf: os.symlink(secret(), path),
    'link to /dev/zero': lambda path, leaf: os.symlink('/dev/zero', path),
    'link to itself': lambda path, leaf: os.symlink(path, path),
    'link to a right answer': lambda path, leaf: os.symlink(
        write(r.path('work', 'right'), r.ca.answer(leaf)), path),
    'hard link to a secret': lambda path, leaf: os.link(secret(), path),
    'FIFO': lambda path, leaf: r.own(os.mkfifo(path) or path),
    'socket': lambda path, leaf: make_socket(path),
    'device /dev/zero': lambda path, leaf: make_device(path),
    'folder': lambda path, leaf: r.own(os.mkdir(path) or path),
    '64 KiB of holes': lambda path, leaf: make_sparse(path, 65536),
    '8 EiB of holes': lambda path, leaf: make_sparse(path, biggest()),
    'empty': lambda path, leaf: write(path, b''),
    'mode 0000': lambda path, leaf: os.chmod(write(path, r.ca.answer(leaf)), 0),
    'truncated': lambda path, leaf: write(path, r.ca.answer(leaf)[:-20]),
    "another CA's answer": lambda path, leaf: write(path, stranger_answer(leaf)),
    "another's answer": lambda path, leaf: write(path, r.ca.answer(leaves[-1])),
    'wrong serial': lambda path, leaf: write(
        path, r.ca.answer(r.ca.issue('x', serial=leaf.serial ^ 1, key=r.ca.key))),
    'expired': lambda path, leaf: write(
        path, r.ca.answer(leaf, start=pki.now() - 2 * DAY, end=pki.now() - DAY)),
    'of tomorrow': lambda path, leaf: write(path, r.ca.answer(leaf, start=pki.now() + DAY)),
    'random octets': lambda path, leaf: write(path, os.urandom(500)),
}


def biggest():
    """The largest file that the file system of the cache can pretend to have."""
    probe, size = r.path('cache', 'probe'), 1 << 62
    with open(probe, 'wb') as f:
        while True:
            try:
                os.ftruncate(f.fileno(), size)
                break
            except OSError as error:
                assert error.errno in (errno.EFBIG, errno.EINVAL), error
                size >>= 1
    os.unlink(probe)
    return size


def hostile(name, make):
    leaf, t = leaves[0], tally()
    for _ in range(ROUNDS):
        r.clear_cache()
        r.ask_about(leaf)
        path = place_of(leaf)
        os.unlink(path)
        before = state_of_secret()
        make(path, leaf)
        # the front by itself does not use it, and is not held up
        with r.configured(keep_cache=True, signer=NO_SIGNER):
            start = time.monotonic()
            tap.equal(r.ask(r.request(leaf)).status, 'tryLater', 'it was used')
            assert time.monotonic() - start < 5, 'it held us up'
        faults.ask_once(r, t, leaf)
        assert is_cached(leaf), 'it was not replaced'
        tap.equal(state_of_secret(), before, 'the secret')
    tap.contains(r.check_ctl('verify-cache'), '1 are right')
    t.check(right=ROUNDS, put_off=0)
    totals.counts.update(t.counts)
    totals.worst_s = max(totals.worst_s, t.worst_s)


totals = tally()
for name, make in HOSTILE.items():
    tap.add('in place of an answer: %s: not used, not followed, replaced (D-11)' % name, hostile,
            name, make)


@tap.test('hostile files: all of them at once, and the figures')
def all_hostile():
    r.clear_cache()
    many = {name: r.add(r.ca.issue('many', key=r.ca.key)) for name in HOSTILE}
    t = tally()
    for leaf in many.values():
        r.ask_about(leaf)
    for name, leaf in many.items():
        path = place_of(leaf)
        os.unlink(path)
        with contextlib.suppress(tap.Skip):
            HOSTILE[name](path, leaf)
    # those who walk through all of it are not held up, and remove what it says they remove
    done = r.run('ocspctl', 'verify-cache', timeout=30)
    tap.equal(done.returncode, 1, done.stderr)
    tap.contains(done.stdout.decode(), 'are wrong')
    r.check_ctl('presign', '--expiring', '1h')
    watch = r.start('ocspctl', 'watch')
    for leaf in many.values():
        faults.ask_once(r, t, leaf)
    watch.kill()
    watch.wait()
    tap.contains(r.check_ctl('verify-cache'), '%d are right' % len(many))
    t.check(right=len(many), put_off=0)
    totals.counts.update(t.counts)
    faults.row('%d kinds of hostile files in place of answers' % len(HOSTILE),
               len(HOSTILE) * (ROUNDS + 1), totals, max(totals.worst_s, t.worst_s))
    for leaf in many.values():
        r.sql("DELETE FROM list_certs WHERE cert_num = '%#x'" % leaf.serial)


@tap.test('an answer with a signature that is none: verify-cache names it, purge mends it')
def bad_signature():
    r.clear_cache()
    leaf = leaves[0]
    octets = with_bad_signature(r.ask_about(leaf).der)
    path = write(place_of(leaf), octets)
    done = r.run('ocspctl', 'verify-cache')
    tap.equal(done.returncode, 1)
    tap.contains(done.stdout.decode(), os.path.basename(path) + '  has a signature that does not')
    r.check_ctl('purge', '%#x' % leaf.serial)
    r.ask_about(leaf)


@tap.test("links in place of the cache's folders: purge and verify-cache don't go there")
def linked_folders():
    r.clear_cache()
    leaf = leaves[0]
    r.ask_about(leaf)
    shard = os.path.dirname(place_of(leaf))
    folder = os.path.dirname(shard)
    for place in (folder, shard):
        elsewhere = r.path('work', 'elsewhere')
        os.rename(place, elsewhere)
        os.symlink(elsewhere, place)
        tap.contains(r.check_ctl('verify-cache'), '0 answers looked at')
        tap.contains(r.check_ctl('purge', '--all'), '0 answers removed')
        os.unlink(place)
        os.rename(elsewhere, place)
    tap.contains(r.check_ctl('purge', '--all'), '1 answers removed')


BACKOFF = '.database-down-' + os.uname().nodename
NOTES = ('.verified', '.lock', BACKOFF, '.issuers', '.metrics', '.metrics-sign')


@tap.test('hostile things in place of locks, notes and counters: right answers, in time')
def notes():
    kinds = [k for k in HOSTILE if k not in ('link to a right answer', 'truncated', 'expired',
                                             "another's answer", "another CA's answer")]
    t, leaf = tally(), leaves[0]
    for name in NOTES:
        for kind_of_thing in kinds if LONG else kinds[::5]:
            r.clear_cache()
            r.ask_about(leaf)
            folder = os.path.dirname(os.path.dirname(place_of(leaf)))
            of_folder = name in ('.verified', '.lock', BACKOFF)
            path = os.path.join(folder if of_folder else r.path('cache'), name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            before = state_of_secret()
            try:
                HOSTILE[kind_of_thing](path, leaf)
            except tap.Skip:
                continue
            os.utime(place_of(leaf), (1, 1))
            r.revoke(leaf)
            # what is a file there is a note, whatever is in it: that all agrees (rule 3), or that
            # the database has just failed
            is_note = (name in ('.verified', BACKOFF) and
                       stat.S_ISREG(os.lstat(path).st_mode))
            kind = faults.ask_once(r, t, leaf, ('revoked(1)', 'good') if is_note
                                   else ('revoked(1)',))
            tap.equal(kind, 'right', '%s: %s' % (name, kind_of_thing))
            r.unrevoke(leaf)
            tap.equal(state_of_secret(), before, 'the secret, through ' + name)
    faults.row('hostile things in place of locks, notes and counters', sum(t.counts.values()), t,
               t.worst_s)
    t.check(put_off=0)


tap.run(r.close)
