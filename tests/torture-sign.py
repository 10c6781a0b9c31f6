#!/usr/bin/python3
"""ocsp-sign while its system calls fail, with each kind of database: never good for what is not,
never half a file in the cache, a sentence in the log."""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import inject
import ocsp
import tap
from responder import LONG, PATIENCE_S, Responder, stores

LATER = ('tryLater', 'internalError')
NOT_THERE = 0x1234

# Nobody can be told what went wrong with the log itself.
UNTOLD = ('ocsp.log', '(2<', '/etc/localtime', '(1<', 'fd=1<', '(0<', 'fd=0<')

# Of a thousand allocations, those without which libmariadb, or libc's look-up of names for it, ends
# the process: nothing is answered then, and ocsp-stdio says tryLater.
FATAL_TO_LIBRARIES = 2

# What is said where an old answer is sent because the database can't be asked: no lie.
OUTAGE = 'answers that are still valid are sent from the cache'


class Case:
    """What is asked, what the answer is, and what lies in the cache before."""

    def __init__(self, r, serial, want, nonce=None, before=None):
        self.r, self.serial, self.want, self.nonce, self.before = r, serial, want, nonce, before
        self.request = r.request(serial, *([ocsp.nonce(nonce)] if nonce else []))
        self.statuses = {serial: (want,)}
        self.may_die = r.db.get('type') != 'sqlite'
        if before:
            self.statuses[serial] += ('good',)

    def prepare(self):
        self.r.clear_cache()
        if self.before:
            shutil.copytree(self.before, self.r.path('cache'), dirs_exist_ok=True)
            for base, folders, names in os.walk(self.r.path('cache')):
                for name in folders + names:
                    self.r.own(os.path.join(base, name))
                    os.utime(os.path.join(base, name), (1, 1))
        self.r.clear_log()

    def run(self, fault=None):
        self.prepare()
        done = subprocess.run(
            inject.words(self.r.path('work'), 'ocsp-sign', fault) + self.r.command('ocsp-sign'),
            input=self.request, capture_output=True, cwd=self.r.dir, timeout=PATIENCE_S,
            env=self.r.environment())
        return done

    def judge(self, tally, fault):
        with inject.Clock() as clock:
            done = self.run(fault)
        hits = inject.hits(self.r.path('work'), fault)
        if not hits:
            tally.add('not reached')
            return
        log = self.r.log() + done.stderr.decode(errors='replace')
        if self.may_die and fault.call == inject.ALLOCATION and not done.stdout and \
                done.returncode in (-signal.SIGSEGV, -signal.SIGABRT):
            tap.equal(list(inject.cache_faults(self.r, self.statuses)), [])
            tally.add('died')
            return
        if done.returncode < 0 or done.returncode >= 127 or 'Sanitizer' in log:
            tally.fault(fault, 'ended with %d: %s\n%s' % (done.returncode, hits[0], log))
            return
        try:
            status = None
            if done.stdout:
                response = ocsp.Response(done.stdout)
                status = str(response)
                tap.equal([] if response.code else response.faults(
                    self.r.ca.certificate, asked_nonce=self.nonce), [])
        except Exception as error:
            tally.fault(fault, 'half an answer: %r; %s' % (error, hits[0]))
            return
        if status not in (None, self.want, *LATER) and not (
                self.before and status == 'good' and OUTAGE in log):
            tally.fault(fault, 'answered %s: %s\n%s' % (status, hits[0], log))
        told = any(level in log for level in ('WARNING', 'ERROR', 'CRITICAL', 'ocsp-sign'))
        if status != self.want and not told and not any(w in hit for hit in hits for w in UNTOLD):
            tally.fault(fault, '%s, exit code %d, and nothing in the log: %s' % (
                status, done.returncode, hits[0]))
        for what in inject.cache_faults(self.r, self.statuses, inject.is_removal(fault)):
            tally.fault(fault, '%s; %s' % (what, hits[0]))
        outcome = {None: 'closed', 'good': 'of before', self.want: 'answered'}.get(status, 'later')
        tally.add(outcome, clock.seconds)

    def torture(self, allocations):
        inject.needs_strace()
        sanitized = inject.is_sanitized(self.r.path('bin', 'ocsp-sign'))
        every = LONG and not sanitized
        done = self.run(inject.NO_ALLOCATION if allocations else None)
        tap.equal((done.returncode, str(ocsp.Response(done.stdout))), (0, self.want))
        if allocations:
            faults = inject.allocations(self.r.path('work'), every, 200 if LONG else 40)
        else:
            faults = inject.Calls(inject.traces(self.r.path('work')), sanitized).faults(every)
        tally = inject.Tally()
        for fault in faults:
            self.judge(tally, fault)
        # the last of them must not stay: whoever comes next is told what is true
        self.prepare()
        tap.equal(str(self.r.ask(self.request)), self.want)
        tally.end()
        died, tried = tally.counts['died'], sum(tally.counts.values())
        assert died <= 1 + tried * FATAL_TO_LIBRARIES / 1000, '%d of %d died' % (died, tried)


def cases(store):
    r = Responder(store=store, timeout='2', nonce='echo', recheck='1')
    responders.append(r)
    good = r.add(r.ca.issue('good')).serial
    revoked = r.ca.issue('revoked')
    r.add(revoked)
    r.ask(r.request(revoked))
    before = r.path('before')
    os.rename(r.path('cache'), before)
    r.folder('cache')
    r.revoke(revoked)
    yield 'a miss', Case(r, good, 'good')
    yield 'a miss, revoked', Case(r, revoked.serial, 'revoked(1)')
    yield 'not in the table', Case(r, NOT_THERE, 'unauthorized')
    yield 'with a nonce', Case(r, good, 'good', nonce=bytes(16))
    yield 'revoked since it was cached', Case(r, revoked.serial, 'revoked(1)', before=before)


responders = []


def torture(store, name, allocations):
    if store not in made:
        made[store] = dict(cases(store))
    made[store][name].torture(allocations)


made = {}
for kind in stores():
    for title in ('a miss', 'a miss, revoked', 'not in the table', 'with a nonce',
                  'revoked since it was cached'):
        tap.add('ocsp-sign, %s, %s: each of its calls fails' % (kind, title), torture, kind, title,
                False)
    for title in ('a miss', 'revoked since it was cached'):
        tap.add('ocsp-sign, %s, %s: each of its allocations fails' % (kind, title), torture, kind,
                title, True)

tap.run(lambda: [r.close() for r in responders])
