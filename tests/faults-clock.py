#!/usr/bin/python3
"""A clock that jumps, forward and back, during traffic: nothing is sent before its thisUpdate or
after its nextUpdate by the clock of the moment, and no answer is lost.

The programs get their time from libfaketime; so the front is one that the dynamic linker loads.
OCSP_TEST_ALL jumps a hundred times. The figures are printed as comments."""
import glob
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import faults
import mariadb
import tap
from responder import BUILD, LONG, Responder, accepts, terminate, wait_for

HOUR = 3600
DAY = 24 * HOUR
# Hours ahead of the right time: answers that age, are due, have ended; that lie ahead; a CA that is
# a day old is not yet valid any earlier.
JUMPS = [1, 11, 13, 60, 59.8, 47, 0, -12, -20, 24 * 80, 0]
FAKETIME = sorted(glob.glob('/usr/lib/*/faketime/libfaketime.so.1'))


# What libfaketime leaves in /dev/shm stays between those that use it, and goes with them.
APART = 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec setpriv --reuid=%d --regid=%d' \
    ' --clear-groups "$@"'


def listen(r, env):
    port = mariadb.free_port()
    account = r.account.pw_uid, r.account.pw_gid
    with open(r.path('listener.err'), 'ab') as err:
        child = r.start_command(
            ['unshare', '-m', 'sh', '-c', APART % account, 'sh', 'env',
             *('%s=%s' % pair for pair in env.items()),
             *r.command('ocsp-stdio', '--listen', '-l', '127.0.0.1:%d' % port)], stderr=err)
    wait_for(lambda: child.poll() is not None or accepts(port), 'a listener')
    assert child.poll() is None, r.listeners_said() + r.log()
    return child, port


def jumps():
    chance = random.Random(5)
    yield from JUMPS
    while True:
        yield chance.choice((chance.uniform(-22, 100), chance.uniform(0, 24 * 80)))


@tap.test('the clock jumps during traffic: right answers by the clock of the moment (D-13)')
def clock():
    front = os.path.join(BUILD, 'tests', 'ocsp-stdio-dynamic')
    if not FAKETIME:
        tap.skip('libfaketime is not there')
    if os.getuid() != 0 or subprocess.run(['unshare', '-m', 'true']).returncode:
        tap.skip('only root can have a /dev/shm apart')
    with open(front, 'rb') as f:
        if b'__asan_' in f.read():
            tap.skip('a sanitizer and libfaketime do not go together')
    with Responder(recheck='60', producetime='1d', sandbox='off') as r:
        shutil.copy2(front, r.path('bin', 'ocsp-stdio'))
        shift = r.write('shift', '+0', 0o644)
        env = {'LD_PRELOAD': FAKETIME[0], 'FAKETIME_TIMESTAMP_FILE': shift,
               'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
               # the files' times are written by those clocks as well
               'NO_FAKE_STAT': '1'}
        allowed = {r.add(r.ca.issue('leaf', key=r.ca.key)): ('good',) for _ in range(3)}
        held = r.add(r.ca.issue('leaf', key=r.ca.key), status='Revoked', when='2026-01-02 03:04:05',
                     reason='key_compromise')
        allowed[held] = ('revoked(1)',)
        child, port = listen(r, env)
        n, worst, before = 0, 0, 0
        with faults.Traffic(r, port, allowed) as t:
            time.sleep(0.3)
            for hours in jumps():
                if n == (100 if LONG else len(JUMPS)):
                    break
                after = hours * HOUR
                t.tally.clocks = (before, after)
                r.write('shift.new', '%+d' % after, 0o644)
                os.rename(r.path('shift.new'), shift)
                time.sleep(0.3)
                t.tally.clocks = (after,)
                worst = max(worst, t.wait_until_right(quiet_s=0.2))
                n, before = n + 1, after
        tap.equal(terminate(child), 0)
        assert r.signatures() >= len(allowed) * 4, 'it kept its time: %d' % r.signatures()
        faults.row('clock jumps, between -22 hours and +80 days', n, t.tally, worst)
        t.tally.check(put_off=0)


tap.run()
