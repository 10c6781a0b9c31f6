#!/usr/bin/python3
"""ocspctl while its system calls fail: what it says is done is done, what it says failed is said
with a reason; the table and the cache are never left half-way."""
import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import inject
import ocsp
import pki
import tap
from responder import LONG, PATIENCE_S, Responder, needs_sqlite, wait_for

root = pki.make_root()
r = None
KEPT = ('db', 'cache')


def prepare():
    """A table of six, one of them revoked; the answer about the first is in the cache."""
    global r, leaves, revoked, new
    if r:
        return
    needs_sqlite()
    r = Responder(ca=root.issue_ca('Intermediate'), store='sqlite', recheck='3600', sandbox='off')
    leaves = [r.add(r.ca.issue('leaf %d' % i)) for i in range(5)]
    revoked = r.add(r.ca.issue('revoked'), status='Revoked', when='2026-01-02 03:04:05',
                    reason='key_compromise')
    tap.equal(str(r.ask_about(leaves[0])), 'good')
    new = r.ca.issue('new')
    for name, octets in (('root.pem', root.pem()), ('root.key', root.key_pem()),
                         ('new.pem', new.pem())):
        r.write(name, octets)
    r.write('index.txt', ''.join('V\t350101000000Z\t\t%04X\tunknown\t/CN=leaf %d\n' % (n, n)
                                 for n in range(0x1000, 0x1040)))
    for name in KEPT:
        shutil.copytree(r.path(name), r.path('kept', name))


def reset():
    for name in (*KEPT, 'out'):
        shutil.rmtree(r.path(name), ignore_errors=True)
    for name in KEPT:
        shutil.copytree(r.path('kept', name), r.path(name))
        for base, folders, names in os.walk(r.path(name)):
            r.own(base)
            for path in names:
                r.own(os.path.join(base, path))
    r.folder('out')
    r.clear_log()


def rows():
    """{serial: status}, after whatever a writer has left half-way was rolled back."""
    connection = sqlite3.connect(r.database.file, timeout=20)
    found = dict(connection.execute('SELECT cert_num, status FROM list_certs'))
    tap.equal(connection.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
    connection.close()
    return found


BEFORE = {}     # what rows() says when nothing was done


def unchanged(done):
    tap.equal(rows(), BEFORE)


def added(new_rows):
    """The whole change where the exit code says so; else all of it or nothing."""
    def look(done):
        now = rows()
        assert now == {**BEFORE, **new_rows} or (done.returncode and now == BEFORE), now
    return look


def file_is_whole(name):
    """A file that is whole where the exit code says so; else that, or none, as before."""
    want = []

    def look(done):
        there = os.path.exists(r.path('out', name))
        assert there or done.returncode, 'no file, and exit code 0'
        if there:
            with open(r.path('out', name), 'rb') as f:
                want.append(f.read())
            tap.equal(want[-1], want[0])
        tap.equal([other for other in os.listdir(r.path('out')) if other != name], [])
        unchanged(done)
    return look


def printed():
    """All of it where the exit code says so."""
    want = []

    def look(done):
        want.append(done.stdout)
        assert done.returncode or done.stdout == want[0], 'exit code 0, and part of it'
        unchanged(done)
    return look


def revoked_or_not(done):
    added({hex(leaves[0].serial): 'Revoked'})(done)
    cached = [path for path in r.cache_files() if '%x' % leaves[0].serial in path]
    # one that could not be removed is sent no longer than recheck= allows, and the operator is told
    if done.returncode == 0 and b'more (recheck=)' not in done.stderr:
        for path in cached:
            with open(path, 'rb') as f:
                tap.equal(str(ocsp.Response(f.read())), 'revoked(1)')


def all_signed(done):
    unchanged(done)
    # more than one for each where it could not be told whether clients ask for more
    n = len(r.cache_files())
    assert done.returncode or n >= len(BEFORE), '%d answers' % n


def all_purged(done):
    unchanged(done)
    assert done.returncode or not r.cache_files(), '%d answers' % len(r.cache_files())


def issuer_signed(done):
    names = sorted(os.listdir(r.path('out')))
    assert done.returncode or len(names) == 4, names
    for name in names:
        assert '~' not in name, 'left: ' + name
        with open(r.path('out', name), 'rb') as f:
            tap.equal(ocsp.Response(f.read()).faults(root.certificate), [])


def checked():
    """It never says that all is well when it could not look."""
    want = []

    def look(done):
        want.append(done.returncode)
        assert done.returncode >= want[0], 'exit code %d, where nothing fails %d' % (
            done.returncode, want[0])
        unchanged(done)
    return look


def judge(tally, words, look, expected, statuses, fault):
    with inject.Clock() as clock:
        done = run(words, fault)
    hits, code = inject.hits(r.path('work'), fault), done.returncode
    if not hits:
        tally.add('not reached')
        return
    said = (done.stderr + done.stdout).decode(errors='replace') + r.log()
    if code < 0 or code > 130 or 'Sanitizer' in said:
        tally.fault(fault, 'ended with %d: %s\n%s' % (code, hits[0], said))
        return
    if code and not said and not any('(2<' in hit for hit in hits):
        tally.fault(fault, 'exit code %d without a word: %s' % (code, hits[0]))
    try:
        look(done)
    except AssertionError as error:
        tally.fault(fault, '%s; exit code %d, %r; %s' % (error, code, said[-300:], hits[0]))
    for what in inject.cache_faults(r, statuses, inject.is_removal(fault)):
        tally.fault(fault, '%s; %s' % (what, hits[0]))
    tally.add('done' if code == expected else 'failed', clock.seconds)


def run(words, fault=None):
    reset()
    command = inject.words(r.path('work'), 'ocspctl', fault) + r.command('ocspctl', *words)
    return subprocess.run(command, capture_output=True, cwd=r.dir, timeout=PATIENCE_S,
                          env=r.environment())


def torture(args, make_look, allocations):
    inject.needs_strace()
    prepare()
    if not allocations and inject.is_sanitized(r.path('bin', 'ocspctl')):
        tap.skip('a sanitizer makes calls of its own, and ends the program when they fail')
    reset()
    BEFORE.update(rows())
    words = [a() if callable(a) else a for a in args]
    statuses = {leaf.serial: ('good',) for leaf in leaves[1:]}
    statuses.update({leaves[0].serial: ('good', 'revoked(1)'), revoked.serial: ('revoked(1)',)})
    look = make_look()
    done = run(words, inject.NO_ALLOCATION if allocations else None)
    # "check" may have something to warn of here
    assert done.returncode in (0, 1 if args[0] == 'check' else 0), done
    look(done)
    if allocations:
        faults = inject.allocations(r.path('work'), False, 300 if LONG else 20)
    else:
        faults = inject.Calls(inject.traces(r.path('work'))).faults(LONG, turns=True)
    tally = inject.Tally()
    for fault in faults:
        judge(tally, words, look, done.returncode, statuses, fault)
    tally.end()


def first():
    return hex(leaves[0].serial)


VERBS = (
    ('list', ('list',), printed),
    ('export', ('export',), printed),
    ('export to a file', ('export', 'out/index.txt'), lambda: file_is_whole('index.txt')),
    ('status', ('status', first), lambda: unchanged),
    ('revoke', ('revoke', '--reason', 'key_compromise', first), lambda: revoked_or_not),
    ('add', ('add', 'new.pem'), lambda: added({hex(new.serial): 'Valid'})),
    ('import', ('import', 'index.txt'),
     lambda: added({hex(n): 'Valid' for n in range(0x1000, 0x1040)})),
    ('presign', ('presign', '--jobs', '2'), lambda: all_signed),
    ('purge', ('purge', '--all'), lambda: all_purged),
    ('verify-cache', ('verify-cache',), lambda: unchanged),
    ('check', ('check',), checked),
    ('sign-issuer', ('sign-issuer', '--cert', 'ca.pem', '--root', 'root.pem', '--key', 'root.key',
                     '--out', 'out/ca'), lambda: issuer_signed),
)
for verb, args, make_look in VERBS:
    tap.add('ocspctl %s: each of its calls fails' % verb, torture, args, make_look, False)
for verb, args, make_look in VERBS:
    tap.add('ocspctl %s: its allocations fail' % verb, torture, args, make_look, True)


# --- watch, which says of all that is in the cache that it is true

def watch_a_while(fault=None):
    """Two passes of it. Returns the trace."""
    folder = r.path('work')
    child = r.start_command(inject.strace(folder, True, fault) + r.command('ocspctl', 'watch'),
                            stderr=subprocess.DEVNULL)
    wait_for(lambda: glob.glob(os.path.join(folder, 'trace.*')), 'the watcher')
    pid = int(glob.glob(os.path.join(folder, 'trace.*'))[0].rsplit('.', 1)[1])
    time.sleep(3.5)
    os.kill(pid, signal.SIGTERM)
    child.wait(PATIENCE_S)
    return inject.traces(folder)


def stale_and_revoked():
    """The answer is of two hours ago, and was true then."""
    reset()
    for path in r.cache_files():
        os.utime(path, (time.time() - 7200,) * 2)
    r.revoke(leaves[0])


@tap.test('ocspctl watch: of what it could not read it does not say that it is true')
def watch():
    inject.needs_strace()
    prepare()
    stale_and_revoked()
    lines = watch_a_while()
    tap.equal(str(r.ask_about(leaves[0])), 'revoked(1)')
    calls = list(inject.numbered(max(lines, key=len)))
    shard, answer = '/%02x' % (leaves[0].serial & 255), '%x.der' % leaves[0].serial
    tally = inject.Tally()
    # its folder can't be read, made a stream of, or opened; its file can't be read, or opened
    for name, words, error in (('getdents64', (shard + '>',), 'EIO'),
                               ('read', (answer + '>',), 'EIO'),
                               ('newfstatat', (answer + '>',), 'EIO'),
                               ('fcntl', (shard + '>', 'F_GETFL'), 'EIO'),
                               ('openat', (shard + '"', 'O_DIRECTORY'), 'EMFILE'),
                               ('openat', (answer + '"',), 'EMFILE'))[:None if LONG else 1]:
        nth = next(n for call, n, line in calls if call == name and all(w in line for w in words))
        fault = inject.Fault(name, nth, error, True)
        stale_and_revoked()
        hits = [line for line in sum(watch_a_while(fault), []) if line.endswith('(INJECTED)')]
        assert hits, inject.text_of(fault)
        status = str(r.ask_about(leaves[0]))
        if status != 'revoked(1)':
            tally.fault(fault, 'then %s is sent; %s' % (status, hits[0]))
        tally.add('asked about')
    tally.end()


tap.run(lambda: r and r.close())
