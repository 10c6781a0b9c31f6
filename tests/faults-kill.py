#!/usr/bin/python3
"""Processes that are killed (SIGKILL) at any moment of their lives: what is in the cache stays
whole, the next request is answered, and what they leave behind is cleaned up and blocks nobody.

Sixty times by default, a thousand with OCSP_TEST_ALL. The figures are printed as comments."""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import faults
import inject
import ocsp
import pki
import tap
from responder import LONG, Responder, wait_for

TIMES = 1000 if LONG else 60
BULK = 40
# A lock that blocks would be waited for until half of this is over: no test would overlook that.
TIMEOUT_S = 60
BLOCKED_S = 15

chance = random.Random(20)
r = Responder(timeout=str(TIMEOUT_S), recheck='3600')
leaves = [r.add(r.ca.issue('leaf')) for _ in range(4)]
revoked = r.add(r.ca.issue('revoked'), status='Revoked', when='2026-01-02 03:04:05',
                reason='key_compromise')
ALLOWED = {leaf: ('good',) for leaf in leaves}
ALLOWED[revoked] = ('revoked(1)',)
SERIALS = {leaf.serial: leaf for leaf in ALLOWED}


def tally():
    return faults.Tally(r.ca.certificate, BLOCKED_S)


def left_behind(suffix=''):
    """Temporary files, wherever in the cache."""
    return [os.path.join(base, name) for base, _, names in os.walk(r.path('cache'))
            for name in names if '.~' in name and suffix in name]


def look_at_cache(expected):
    """Every file that has an answer's name is a whole and right one: {serial: status}."""
    for path in r.cache_files():
        try:
            with open(path, 'rb') as f:
                octets = f.read()
        except FileNotFoundError:
            continue
        response = ocsp.Response(octets)
        found = response.faults(r.ca.certificate)
        assert not found, (path, found)
        serial = response.singles[0].serial
        assert '%x' % serial in path, path
        assert str(response) in expected[serial], (path, str(response))


def start(command, octets):
    """In a process group of its own."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, cwd=r.dir, env=r.environment(),
                             start_new_session=True)
    child.stdin.write(octets)
    child.stdin.close()
    return child


def run_and_kill(command, octets, delay_s):
    """Ends it and its children at once. False: it had come to its end before."""
    child = start(command, octets)
    time.sleep(delay_s)
    alive = child.poll() is None
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
    return alive


def life_s(command, octets, before=lambda: None):
    """How long it lives when nobody ends it."""
    took = []
    for _ in range(5):
        before()
        child = start(command, octets)
        since = time.monotonic()
        child.wait()
        took.append(time.monotonic() - since)
    return min(took)


def forget(leaf):
    for path in r.cache_files():
        if '%x' % leaf.serial in path:
            os.unlink(path)


def forget_shard(leaf):
    """With its folder, which is part of what a first answer makes."""
    for folder in os.listdir(r.path('cache')):
        shutil.rmtree(r.path('cache', folder, '%02x' % (leaf.serial % 256)), ignore_errors=True)


def killed_miss(program, times):
    r.clear_cache()
    command, t, killed = r.command(program), tally(), 0
    life = life_s(command, r.request(leaves[0]), lambda: forget(leaves[0]))
    expected = {serial: ALLOWED[leaf] for serial, leaf in SERIALS.items()}
    for i in range(times):
        leaf = list(ALLOWED)[i % len(ALLOWED)]
        forget(leaf)
        killed += run_and_kill(command, r.request(leaf), chance.uniform(0, 1.1 * life))
        look_at_cache(expected)
        faults.ask_once(r, t, leaf, ALLOWED[leaf])
    tap.note('%s lives %.1f ms; %d of %d were alive when they were killed; %d temporary files '
             'left; slowest next answer %.2f s'
             % (program, life * 1000, killed, times, len(left_behind()), t.worst_s))
    faults.row('%s killed during a miss' % program, times, t, t.worst_s)
    assert killed >= times / 6, 'most were killed too late: %d' % killed
    t.check(right=times, put_off=0)
    look_at_cache(expected)


tap.add('ocsp-sign is killed at any moment of a miss (D-10)', killed_miss, 'ocsp-sign',
        TIMES * 2 // 5)
tap.add('ocsp-stdio is killed with its ocsp-sign at any moment of a miss (D-10)', killed_miss,
        'ocsp-stdio', TIMES * 3 // 10)


@tap.test('ocspctl presign is killed with its workers: all is whole, and the next run ends it')
def presign():
    r.clear_cache()
    times = TIMES // 5
    many = [r.add(r.ca.issue('many', key=leaves[0].key)) for _ in range(BULK)]
    expected = {leaf.serial: ('good',) for leaf in many}
    expected.update({serial: ALLOWED[leaf] for serial, leaf in SERIALS.items()})
    command, t, killed = r.command('ocspctl', 'presign', '--jobs', '2'), tally(), 0
    life = life_s(command, b'', r.clear_cache)
    for i in range(times):
        for path in chance.sample(r.cache_files(), len(r.cache_files()) // 2):
            os.unlink(path)
        killed += run_and_kill(command, b'', chance.uniform(0, 1.1 * life))
        look_at_cache(expected)
        faults.ask_once(r, t, chance.choice(many))
    faults.row('`ocspctl presign` and its workers killed', times, t, t.worst_s)
    t.check(right=times, put_off=0)
    tap.contains(r.check_ctl('presign', '--jobs', '2'), ' 0 failed')
    tap.equal(len(r.cache_files()), BULK + len(ALLOWED))
    look_at_cache(expected)
    for leaf in many:
        r.sql("DELETE FROM list_certs WHERE cert_num = '%#x'" % leaf.serial)
    tap.note('%d of %d were alive when they were killed; %d temporary files left'
             % (killed, times, len(left_behind())))


def children_of(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


@tap.test('one worker of ocspctl presign is killed: the others go on, and the exit code says so')
def worker():
    r.clear_cache()
    many = [r.add(r.ca.issue('many', key=leaves[0].key)) for _ in range(BULK)]
    command = r.command('ocspctl', 'presign', '--jobs', '3')
    times, killed = TIMES // 10, 0
    for _ in range(times):
        r.clear_cache()
        child = start(command, b'')
        pids = []
        while child.poll() is None and len(pids) < 3:
            pids = children_of(child.pid)
        time.sleep(chance.uniform(0, 0.01))
        if pids and child.poll() is None:
            try:
                os.kill(chance.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                pass
        code = child.wait(60)
        assert code in (0, 70), 'exit code %d' % code
        killed += code == 70
        if code == 0:
            tap.equal(len(r.cache_files()), BULK + len(ALLOWED))
    tap.note('%d of %d times the one killed was a worker at work' % (killed, times))
    for leaf in many:
        r.sql("DELETE FROM list_certs WHERE cert_num = '%#x'" % leaf.serial)


@tap.test('ocspctl watch is killed at any moment, while rows change: nobody sees a wrong word')
def watch():
    r.clear_cache()
    times = max(4, TIMES // 20)
    leaf, t = leaves[1], tally()
    expected = {serial: ('good', 'revoked(1)') for serial in SERIALS}
    with r.configured(keep_cache=True, recheck='1'):
        for i in range(times):
            r.clear_cache() if i % 4 == 0 else None
            for one in leaves[2:]:
                faults.ask_once(r, t, one)
            child = r.start('ocspctl', 'watch', start_new_session=True)
            wait_for(lambda: any('.verified' in names for _, _, names in os.walk(r.path('cache'))),
                     'the first comparison')
            r.revoke(leaf) if i % 2 == 0 else r.unrevoke(leaf)
            time.sleep(chance.uniform(0, 1.2))
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            look_at_cache(expected)
            # rule 3, from its last word on
            time.sleep(1.05)
            faults.ask_once(r, t, leaf, ('revoked(1)',) if i % 2 == 0 else ('good',))
    r.unrevoke(leaf)
    r.clear_cache()
    faults.row('`ocspctl watch` killed while rows change', times, t, t.worst_s)
    t.check(right=times, put_off=0)


# --- at each step of publication

STEPS = ('mkdirat', 'openat', 'fchmod', 'write', 'utimensat', 'close', 'renameat')


def traced(leaf, step, when):
    """ocsp-sign is killed as it enters the when-th system call of this name; False: it came to its
    end before."""
    done = subprocess.run(
        ['strace', '-f', '-o', '/dev/null', '-e', 'trace=' + step,
         '-e', 'inject=%s:signal=SIGKILL:when=%d' % (step, when), *r.command('ocsp-sign')],
        input=r.request(leaf), capture_output=True, cwd=r.dir, env=r.environment(), timeout=120)
    return done.returncode != 0


def calls_of(leaf):
    """The system calls of a miss, in their order: (name, its number among those of this name)."""
    trace = r.path('work', 'trace')
    subprocess.run(['strace', '-f', '-o', trace, '-e', 'trace=' + ','.join(STEPS),
                    *r.command('ocsp-sign')], input=r.request(leaf), capture_output=True,
                   cwd=r.dir, env=r.environment(), timeout=120)
    seen, out = {}, []
    with open(trace) as f:
        for line in f:
            name = re.match(r'(?:\d+ +)?(\w+)\(', line)
            if name:
                seen[name.group(1)] = seen.get(name.group(1), 0) + 1
                out.append((name.group(1), seen[name.group(1)], line))
    return out


@tap.test('ocsp-sign is killed at each system call of publication, one after the other (D-10)')
def steps():
    inject.needs_strace()
    if os.getuid() != 0:
        tap.skip('only root can look into a program that keeps secrets')
    leaf, t = leaves[2], tally()
    expected = {serial: ALLOWED[leaf] for serial, leaf in SERIALS.items()}
    r.clear_cache()
    r.ask_about(leaves[3])      # what is made only once is there
    calls = calls_of(leaf)
    first = next(i for i, c in enumerate(calls) if c[0] == 'openat' and '.der.~' in c[2])
    last = next(i for i, c in enumerate(calls) if c[0] == 'renameat' and '.der.~' in c[2])
    tried = left = 0
    for name, number, _ in calls[first:last + 1]:
        forget_shard(leaf)
        before = len(left_behind())
        assert traced(leaf, name, number), '%s %d was not reached' % (name, number)
        look_at_cache(expected)
        assert not any('%x' % leaf.serial in path for path in r.cache_files()), 'published'
        left += len(left_behind()) - before
        tried += 1
        faults.ask_once(r, t, leaf)
    faults.row('`ocsp-sign` killed at each system call of publication', tried, t, t.worst_s)
    tap.note('%d temporary files were left' % left)
    assert left >= 3, 'no moment within publication was met: %d' % left
    t.check(right=tried, put_off=0)


# --- what they leave

def make_left(folder, name, age_s):
    path = r.own(pki.write(folder, name + '.~0123456789abcdef', b'half an ans'))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


@tap.test('what a killed process left is removed after an hour, wherever it lies; nothing else is')
def leftovers():
    r.clear_cache()
    r.ask_about(leaves[0])
    answer = r.cache_files()[0]
    shard = os.path.dirname(answer)
    places = [(shard, os.path.basename(answer)), (os.path.dirname(shard), '.verified'),
              (r.path('cache'), '.issuers'), (r.path('cache'), '.metrics')]
    stranger = r.own(pki.write(r.path('cache'), 'notes.txt', b'not ours'))
    os.utime(stranger, (1, 1))
    for how in ('purge --expired', 'verify-cache', 'watch'):
        old = [make_left(*place, 7200) for place in places]
        young = make_left(shard, 'ab.der', 60)
        if how == 'watch':
            child = r.start('ocspctl', 'watch')
            wait_for(lambda: not any(map(os.path.exists, old)), 'the watcher to clean up')
            child.kill()
            child.wait()
        else:
            r.check_ctl(*how.split())
        tap.equal([path for path in old if os.path.exists(path)], [], how)
        assert os.path.exists(young), how + ' removed what may be at work'
        assert os.path.exists(answer) and os.path.exists(stranger), how
        os.unlink(young)


tap.run(r.close)
