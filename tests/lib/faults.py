"""faults - requests that go on while parts fail, and what became of each of them.

An answer is *right*, or *put off* (tryLater, internalError: well-formed, and no word about the
certificate), or *wrong*: anything else that came. Where none came it is *lost*.
"""
import contextlib
import collections
import os
import subprocess
import threading
import time

import der
import ocsp
import tap
import wire
from responder import read_all, wait_for

PUT_OFF = ('tryLater', 'internalError')


class Tally:
    """What became of requests. Several threads may add to it."""

    def __init__(self, issuer, patience_s):
        self.issuer, self.patience_s = issuer, patience_s
        self.counts = collections.Counter()
        self.worst_s, self.lock = 0, threading.Lock()
        self.samples = collections.defaultdict(list)    # of what was not right: why
        self.last_bad = None    # when something else than a right answer came last
        self.clocks = (0,)      # see judge()

    def judge(self, certid, octets, allowed, clocks=(0,)):
        """right, put off or wrong; and why. clocks: what those are ahead of ours that it may have
        been made by."""
        try:
            response = ocsp.Response(octets)
        except der.DERError as error:
            return 'wrong', 'no OCSPResponse: %s' % error
        if response.code:
            return ('put off' if response.status in PUT_OFF and response.status not in allowed
                    else 'right' if response.status in allowed else 'wrong'), response.status
        found = [response.faults(self.issuer, [certid], now=time.time() + s) for s in clocks]
        if all(found):
            return 'wrong', '; '.join(found[0])
        return ('right' if str(response) in allowed else 'wrong'), str(response)

    def ask(self, certid, allowed, exchange):
        """exchange(): the answer's octets, or raises OSError or an assertion. Returns the kind."""
        start, clocks = time.monotonic(), self.clocks
        try:
            octets = exchange()
            kind, why = self.judge(certid, octets, allowed, {*clocks, *self.clocks})
        except (OSError, AssertionError, subprocess.SubprocessError) as error:
            kind, why = 'lost', repr(error)
        took = time.monotonic() - start
        if took > self.patience_s:
            kind, why = 'lost', 'after %.1f s: %s' % (took, why)
        with self.lock:
            self.counts[kind] += 1
            self.worst_s = max(self.worst_s, took)
            if kind != 'right':
                self.last_bad = time.monotonic()
                if len(self.samples[kind]) < 5:
                    self.samples[kind].append(why[:300])
        return kind

    def check(self, right=1, put_off=None):
        """None was lost or wrong, so many were right, and no more put off than this."""
        said = '%r: %r' % (dict(self.counts), dict(self.samples))
        assert not self.counts['lost'] and not self.counts['wrong'], said
        assert self.counts['right'] >= right, said
        assert put_off is None or self.counts['put off'] <= put_off, said


def row(fault, times, tally, seconds=None):
    """A row of the table in docs/security.md."""
    c = tally.counts
    tap.note('| %s | %d | %d | %d | %d | %d | %s |'
             % (fault, times, sum(c.values()), c['put off'], c['lost'], c['wrong'],
                '' if seconds is None else '%.2f' % seconds))


def ask_once(r, tally, leaf, allowed=('good',), **options):
    """By a process of its own, bare DER."""
    def exchange():
        done = r.run('ocsp-stdio', octets=r.request(leaf), timeout=tally.patience_s + 10, **options)
        assert done.returncode == 0, 'exit %d' % done.returncode
        return done.stdout

    return tally.ask(r.certid(leaf), allowed, exchange)


class Traffic:
    """Asks a listener about certificates at a steady rate, by HTTP, each time on a connection of
    its own. allowed: {certificate: what may be said about it}, and may be changed meanwhile."""

    WORKERS = 4

    def __init__(self, r, port, allowed, rate=40, patience_s=None):
        self.r, self.port, self.allowed = r, port, dict(allowed)
        self.tally = Tally(r.ca.certificate, patience_s or float(r.ocsp.get('timeout', 5)) + 2)
        self.pause_s = self.WORKERS / rate
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                        for i in range(self.WORKERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _exchange(self, request):
        with wire.connect(self.port, seconds=self.tally.patience_s + 5) as sock:
            sock.sendall(wire.post(request))
            reply = wire.only(read_all(sock))
        assert reply.status == 200, 'HTTP %d' % reply.status
        return reply.body

    def _run(self, i):
        leaves = list(self.allowed)
        next_at = time.monotonic() + i * self.pause_s / self.WORKERS
        while not self.stopping.is_set():
            leaf = leaves[i % len(leaves)]
            i += 1
            request, before = self.r.request(leaf), self.allowed[leaf]
            # what may be said may change while it is said
            self.tally.ask(self.r.certid(leaf), Either(before, lambda: self.allowed[leaf]),
                           lambda: self._exchange(request))
            next_at = max(next_at + self.pause_s, time.monotonic())
            self.stopping.wait(next_at - time.monotonic())

    def wait_until_right(self, seconds=30, quiet_s=0.5):
        """Until only right answers have come for quiet_s. Returns how long the last other one came
        after this was called."""
        start = time.monotonic()
        while True:
            last = self.tally.last_bad or 0
            if time.monotonic() - max(last, start) >= quiet_s:
                return max(0.0, last - start)
            assert time.monotonic() - start < seconds, 'no recovery: %r' % dict(self.tally.counts)
            time.sleep(0.02)


class Either:
    def __init__(self, before, after):
        self.before, self.after = before, after

    def __contains__(self, status):
        return status in self.before or status in self.after()


@contextlib.contextmanager
def mounted(path, *args):
    """mount(8) with these arguments; skips where that can't be had."""
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(['mount', *args, path], capture_output=True, text=True)
    if done.returncode:
        tap.skip('mount: ' + done.stderr.strip())
    try:
        yield path
    finally:
        subprocess.run(['umount', '-l', path], check=True)


def tmpfs(path, options):
    """A small file system of its own; skips where that can't be had."""
    if os.getuid() != 0:
        tap.skip('only root can mount a small file system')
    return mounted(path, '-t', 'tmpfs', '-o', options, 'tmpfs')


@contextlib.contextmanager
def frozen(path):
    """What lies on this file system can be read, and who writes there waits and can't be killed, as
    while a snapshot is taken of a machine, or a disk fails over."""
    subprocess.run(['fsfreeze', '-f', path], check=True)
    try:
        yield
    finally:
        subprocess.run(['fsfreeze', '-u', path], check=True)


@contextlib.contextmanager
def disk(path, image):
    """A file system that can be frozen, in a file; skips where that can't be had."""
    if os.getuid() != 0:
        tap.skip('only root can mount a file system')
    with open(image, 'wb') as f:
        f.truncate(16 << 20)
    subprocess.run(['/sbin/mkfs.ext4', '-q', '-F', image], check=True)
    with mounted(path, '-o', 'loop', image):
        yield path
    os.unlink(image)


def remount(path, options):
    """As soon as nobody writes there."""
    wait_for(lambda: subprocess.run(['mount', '-o', 'remount,' + options, path],
                                    capture_output=True).returncode == 0, 'a remount')
