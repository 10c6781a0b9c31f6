#!/usr/bin/python3
"""A clock that jumps, forward and back, during traffic: nothing is sent before its thisUpdate or
after its nextUpdate by the clock of the moment, and no answer is lost.

The programs get their time from libfaketime; so the front is one that the dynamic linker loads.
OCSP_TEST_ALL jumps a hundred times. The figures are printed as comments."""
import glob
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import faults
import pki
import tap
from responder import BUILD, LONG, Responder, terminate

HOUR = 3600
DAY = 24 * HOUR
# Hours ahead of the right time: answers that age, are due, have ended; that lie ahead; a CA that is
# a day old is not yet valid any earlier.
JUMPS = [1, 11, 13, 60, 59.8, 47, 0, -12, -20, 24 * 80, 0]
FAKETIME = sorted(glob.glob('/usr/lib/*/faketime/libfaketime.so.1'))


def jumps():
    chance = random.Random(5)
    yield from JUMPS
    while True:
        yield chance.choice((chance.uniform(-22, 100), chance.uniform(0, 24 * 80)))


@tap.test('the clock jumps during traffic: right answers by the clock of the moment, none is lost (D-13)')
def clock():
    front = os.path.join(BUILD, 'tests', 'ocsp-stdio-dynamic')
    if not FAKETIME:
        tap.skip('libfaketime is not there')
    with open(front, 'rb') as f:
        if b'__asan_' in f.read():
            tap.skip('a sanitizer and libfaketime do not go together')
    with Responder(recheck='60', producetime='1d', sandbox='off') as r:
        shutil.copy2(front, r.path('bin', 'ocsp-stdio'))
        shift = r.write('shift', '+0', 0o644)
        env = {'LD_PRELOAD': FAKETIME[0], 'FAKETIME_TIMESTAMP_FILE': shift, 'FAKETIME_NO_CACHE': '1',
               'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'FAKETIME_DISABLE_SHM': '1',
               # the files' times are written by those clocks as well
               'NO_FAKE_STAT': '1'}
        allowed = {r.add(r.ca.issue('leaf', key=r.ca.key)): ('good',) for _ in range(3)}
        held = r.add(r.ca.issue('leaf', key=r.ca.key), status='Revoked', when='2026-01-02 03:04:05',
                     reason='key_compromise')
        allowed[held] = ('revoked(1)',)
        child, port = r.listen(env=env)
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
