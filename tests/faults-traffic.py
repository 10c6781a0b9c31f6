#!/usr/bin/python3
"""Requests at a steady rate to a listener, while key and certificate, the configuration, the cache
directory, the log, ocsp-sign and a canned response are replaced, broken and mended.

OCSP_TEST_ALL does each thing ten times as often. The figures are printed as comments."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import faults
import ocsp
import pki
import tap
from responder import LONG, Responder, terminate, wait_for

TIMES = 10 if LONG else 1
PAUSE_S = 0.6 if LONG else 0.3

root = pki.make_root('Root')
# ocsp-sign is asked each time
r = Responder(ca=root.issue_ca('Intermediate'), timeout='5', recheck='0',
              ocspresponse='it_ocsp.der', root='root.pem')
r.write('root.pem', root.pem())
r.write('it_ocsp.der', root.answer(r.ca))
leaves = [r.add(r.ca.issue('leaf', key=r.ca.key)) for _ in range(3)]
revoked = r.add(r.ca.issue('revoked', key=r.ca.key), status='Revoked', when='2026-01-02 03:04:05',
                reason='key_compromise')
ALLOWED = {leaf: ('good',) for leaf in leaves}
ALLOWED[revoked] = ('revoked(1)',)


@contextlib.contextmanager
def traffic(port=None, allowed=None):
    """All that is asked for is in the cache already."""
    for leaf in allowed or ALLOWED:
        r.ask_about(leaf)
    child = None
    if not port:
        # the watchdog of a service manager, so that it looks around often
        child, port = r.listen(env={'WATCHDOG_USEC': '400000'})
    with faults.Traffic(r, port, allowed or ALLOWED) as t:
        yield t
    if child:
        tap.equal(terminate(child), 0, 'exit code of the listener')


def replace(name, octets, mode=0o600):
    """By rename, so that nobody reads half of it."""
    r.write(name + '.new', octets, mode)
    os.rename(r.path(name + '.new'), r.path(name))


def worst_of(t, do, undo):
    """Breaks and mends something TIMES times; seconds from the mending to the last odd answer."""
    worst = 0
    for _ in range(TIMES):
        do()
        time.sleep(PAUSE_S)
        undo()
        worst = max(worst, t.wait_until_right(quiet_s=PAUSE_S))
    return worst


def pair(number):
    """A key and certificate of a responder that the CA has delegated, as one file."""
    entity = r.ca.issue_responder('Responder %d' % number)
    return entity.pem() + entity.key_pem()


@tap.test('key and certificate are replaced during traffic, in one file: none is lost or wrong')
def one_file():
    r.write('pair.pem', pair(0))
    r.write('issuer.pem', r.ca.pem())
    with r.configured(cert='pair.pem', pkey='pair.pem', issuer='issuer.pem'), traffic() as t:
        number = iter(range(1, 1000))
        worst = worst_of(t, lambda: replace('pair.pem', pair(next(number))),
                         lambda: replace('pair.pem', pair(next(number))))
        faults.row('key and certificate replaced, in one file', 2 * TIMES, t.tally, worst)
        # whoever read the certificate before and the key after is put off
        t.tally.check(put_off=2 * TIMES)


@tap.test('key and certificate are replaced one after the other: at worst put off in between')
def two_files():
    delegates = [r.ca.issue_responder('Responder %d' % i) for i in range(2)]
    r.write('delegate.pem', delegates[0].pem())
    r.write('delegate.key', delegates[0].key_pem())
    r.write('issuer.pem', r.ca.pem())

    def use(i):
        replace('delegate.key', delegates[i].key_pem())
        time.sleep(0.1)
        replace('delegate.pem', delegates[i].pem())

    with r.configured(cert='delegate.pem', pkey='delegate.key', issuer='issuer.pem'), \
            traffic() as t:
        worst = worst_of(t, lambda: use(1), lambda: use(0))
        faults.row('key, then certificate replaced, 0.1 s apart', 2 * TIMES, t.tally, worst)
        t.tally.check()


@tap.test('the key is away for a while: what is cached goes on')
def no_key():
    with traffic() as t:
        worst = worst_of(t, lambda: os.rename(r.path('ca.key'), r.path('ca.key.away')),
                         lambda: os.rename(r.path('ca.key.away'), r.path('ca.key')))
        faults.row('key away', TIMES, t.tally, worst)
        t.tally.check(put_off=0)


@tap.test('a broken configuration, with and without SIGHUP: what is cached goes on')
def configuration():
    for hup in (False, True):
        with open(r.config, 'rb') as f:
            right = f.read()
        child, port = r.listen()

        def use(octets):
            replace('config.ini', octets)
            if hup:
                child.send_signal(signal.SIGHUP)

        with traffic(port) as t:
            try:
                worst = worst_of(t, lambda: use(b'[db]\nhost=\n[nonsense\n'), lambda: use(right))
            finally:
                replace('config.ini', right)
        faults.row('configuration broken' + (', and read again' if hup else ''), TIMES, t.tally,
                   worst)
        t.tally.check(put_off=0)
        tap.equal(terminate(child), 0)


@tap.test('another key, certificate and name for both by one new configuration, as the docs say')
def rotated():
    delegates = [r.ca.issue_responder('Responder %d' % i) for i in range(2)]
    r.write('issuer.pem', r.ca.pem())
    for i, delegate in enumerate(delegates):
        r.write('ocsp-%d.crt' % i, delegate.pem())
        r.write('ocsp-%d.key' % i, delegate.key_pem())
    with r.configured(cert='ocsp-0.crt', pkey='ocsp-0.key', issuer='issuer.pem'):
        with open(r.config, 'rb') as f:
            first = f.read()
        child, port = r.listen()

        def use(octets):
            replace('config.ini', octets)
            child.send_signal(signal.SIGHUP)

        with traffic(port) as t:
            worst = worst_of(t, lambda: use(first.replace(b'ocsp-0', b'ocsp-1')),
                             lambda: use(first))
        faults.row('key and certificate replaced, by another configuration', 2 * TIMES, t.tally,
                   worst)
        t.tally.check(put_off=0)
        tap.equal(terminate(child), 0)


@tap.test('the cache directory is emptied, again and again')
def emptied():
    def empty():
        for name in os.listdir(r.path('cache')):
            path = r.path('cache', name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def mostly():
        with contextlib.suppress(OSError):      # a folder that was made anew meanwhile
            empty()

    with traffic() as t:
        worst = worst_of(t, lambda: [mostly() for _ in range(10)], mostly)
        faults.row('cache directory emptied', 11 * TIMES, t.tally, worst)
        t.tally.check(put_off=0)


def exchange(name):
    """Another directory in its place."""
    os.rename(r.path('cache'), r.path(name))
    r.folder('cache')
    os.chmod(r.path('cache'), 0o700)


@tap.test('the cache directory is replaced: right answers, and the log says what to do')
def replaced():
    r.clear_log()
    with traffic() as t:
        for i in range(TIMES):
            exchange('old%d' % i)
            r.revoke(leaves[0])
            t.allowed[leaves[0]] = ('good', 'revoked(1)')
            time.sleep(PAUSE_S)
            t.allowed[leaves[0]] = ('revoked(1)',)
            time.sleep(PAUSE_S)
            t.allowed[leaves[0]] = ('good', 'revoked(1)')
            r.unrevoke(leaves[0])
            time.sleep(PAUSE_S)
            t.allowed[leaves[0]] = ('good',)
        wait_for(lambda: 'restart this listener' in r.log(), 'a line in the log', 10)
        tap.equal(r.log().count('restart this listener'), 1)
        faults.row('cache directory replaced', TIMES, t.tally, 0)
        t.tally.check(put_off=0)


class Manager:
    """Starts the listener as systemd does, on a socket that stays, as often as it ends."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(('127.0.0.1', 0))
        self.sock.listen(200)
        self.port = self.sock.getsockname()[1]
        self.codes = []
        self.start()

    def start(self):
        def prepare():
            os.dup2(self.sock.fileno(), 3)
            os.set_inheritable(3, True)

        self.child = r.start_command(
            ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'] + r.command('ocsp-stdio', '--listen'),
            env={'LISTEN_FDS': '1', 'NOTIFY_SOCKET': r.path('nobody'), 'WATCHDOG_USEC': '400000'},
            preexec_fn=prepare, close_fds=False, stderr=subprocess.DEVNULL)

    def restart_when_it_ends(self, seconds):
        self.codes.append(self.child.wait(seconds))
        self.start()

    def close(self):
        terminate(self.child)
        self.sock.close()


@tap.test('the cache directory is replaced under systemd: the next listener uses it, none is lost')
def replaced_under_manager():
    manager = Manager()
    watch = r.start('ocspctl', 'watch')
    try:
        with traffic(manager.port) as t:
            worst = 0
            for i in range(TIMES):
                start = time.monotonic()
                exchange('older%d' % i)
                manager.restart_when_it_ends(10)
                wait_for(lambda: len(r.cache_files()) == len(ALLOWED), 'a full cache', 10)
                worst = max(worst, time.monotonic() - start)
            # so does the watcher, and says by its exit code that it did not mean to end
            tap.equal(watch.wait(10), 74)
            faults.row('cache directory replaced, under systemd', TIMES, t.tally, worst)
            t.tally.check(put_off=0)
        tap.equal(manager.codes, [0] * TIMES)
        tap.contains(r.log(), 'so that the next one uses it')
    finally:
        manager.close()


@tap.test('the log file is rotated, removed, read-only, a folder, a FIFO: answers go on')
def log_file():
    path = r.log_file

    def aside():
        os.rename(path, path + '.1')

    def back():
        with contextlib.suppress(IsADirectoryError):
            if os.path.lexists(path):
                os.unlink(path)
        if os.path.isdir(path):
            os.rmdir(path)
        r.clear_log()

    with traffic() as t:
        worst, n = 0, 0
        for make in (aside, lambda: os.unlink(path), lambda: os.chmod(path, 0o400),
                     lambda: (aside(), os.mkdir(path)), lambda: (aside(), os.mkfifo(path)),
                     lambda: (aside(), os.symlink('/dev/full', path)),
                     lambda: (aside(), os.symlink(path, path))):
            worst = max(worst, worst_of(t, make, back))
            n += TIMES
        faults.row('log rotated, removed, read-only, a folder, a FIFO, a link', n, t.tally, worst)
        t.tally.check(put_off=0)
    # whoever opened it after it came back writes there
    wait_for(lambda: os.path.getsize(path) > 0 or str(r.ask_about(leaves[0])) != 'good', 'a line')


SIGN = os.path.join('bin', 'ocsp-sign')


def broken_sign(name, octets, mode):
    """What is cached goes on; what has to be asked about is put off until it is back."""
    with open(r.path(SIGN), 'rb') as f:
        right = f.read()

    def use(what, how):
        if what is None:
            os.unlink(r.path(SIGN))
        else:
            replace(SIGN, what, how)

    with traffic() as t:
        try:
            worst = worst_of(t, lambda: use(octets, mode), lambda: use(right, 0o755))
        finally:
            replace(SIGN, right, 0o755)
        faults.row(name, TIMES, t.tally, worst)
        t.tally.check(put_off=0)


BROKEN_SIGN = (
    ('ocsp-sign replaced by the same', b'', 0),
    ('ocsp-sign missing', None, 0),
    ('ocsp-sign not executable', b'x', 0o600),
    ('ocsp-sign truncated', b'\x7fELF' + bytes(60), 0o755),
    ('ocsp-sign hangs', b'#!/bin/sh\nexec sleep 20\n', 0o755),
    ('ocsp-sign is killed at once', b'#!/bin/sh\nkill -9 $$\n', 0o755),
    ('ocsp-sign says another answer', b'#!/bin/sh\ncat "${0%/*}/../work/other"\n', 0o755),
)
r.write('work/other', r.ca.answer(r.ca.issue('other', key=r.ca.key)), 0o644)
with open(r.path(SIGN), 'rb') as f:
    BROKEN_SIGN = ((BROKEN_SIGN[0][0], f.read(), 0o755),) + BROKEN_SIGN[1:]
for name, *how in BROKEN_SIGN:
    tap.add('%s during traffic: cached answers go on' % name, broken_sign, '`%s`%s' % (
        name.split()[0], name[name.index(' '):]), *how)


@contextlib.contextmanager
def signer_socket(serve):
    """What stands where signer=unix: points to. serve(): for each connection; None: nobody
    accepts."""
    path, stop = r.path('work', 'sign.sock'), threading.Event()

    def run():
        while not stop.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                sock = server.accept()[0]
                threading.Thread(target=serve, args=(sock, stop), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        os.chmod(path, 0o777)
        server.listen(100 if serve else 0)
        server.settimeout(0.1)
        thread = threading.Thread(target=run, daemon=True)
        if serve:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            if serve:
                thread.join()
            os.unlink(path)


def closes(sock, stop):
    sock.close()


def says(octets):
    def serve(sock, stop):
        with sock:
            sock.recv(65536)
            sock.sendall(octets)
    return serve


def hangs(sock, stop):
    with sock:
        stop.wait(30)


def signer_service(name, serve):
    """signer=unix: whatever becomes of the service, what is cached goes on."""
    for leaf in ALLOWED:
        r.ask_about(leaf)
    with r.configured(keep_cache=True, signer='unix:' + r.path('work', 'sign.sock'), timeout='1'), \
            signer_socket(serve) if serve is not missing else contextlib.nullcontext():
        t = faults.Tally(r.ca.certificate, 4)
        for _ in range(TIMES):
            faults.ask_once(r, t, revoked, ALLOWED[revoked])
        forgotten = next(p for p in r.cache_files() if '%x' % leaves[0].serial in p)
        os.unlink(forgotten)
        faults.ask_once(r, t, leaves[0], ('tryLater',))
        faults.row('signing service ' + name, TIMES + 1, t)
        t.check(put_off=0)


missing = object()
for name, serve in (('missing', missing), ('closes at once', closes), ('hangs', hangs),
                    ('says nonsense', says(b'\x30\x84\xff\xff\xff\xff')),
                    ('says half an answer', says(r.ca.answer(leaves[0])[:100])),
                    ('does not accept', None)):
    tap.add('a signing service that %s: cached answers go on, else tryLater'
            % name.replace('missing', 'is missing'), signer_service, name, serve)


@tap.test('the canned response is replaced by garbage, and back: nobody else suffers')
def canned():
    inter_id = ocsp.certid(root.certificate, r.ca.serial)
    t = faults.Tally(root.certificate, 7)
    right = root.answer(r.ca)

    def ask(*allowed):
        done = r.run('ocsp-stdio', octets=ocsp.request(inter_id))
        return t.ask(inter_id, allowed, lambda: done.stdout)

    r.clear_cache()
    with traffic() as others:
        ask('good')
        n = 0
        for octets in (b'', b'garbage', right[:-1], root.answer(r.ca, end=pki.now() - pki.DAY / 48),
                       pki.make_root('Root').answer(r.ca), os.urandom(100000)):
            for _ in range(TIMES):
                n += 1
                replace('it_ocsp.der', octets)
                # one that is about another CA says nothing about ours
                tap.equal(ask('tryLater', 'unauthorized'), 'right')
                replace('it_ocsp.der', right)
                tap.equal(ask('good'), 'right')
        faults.row('canned response replaced by garbage: itself', n, t)
        faults.row('canned response replaced by garbage: the others', n, others.tally)
        others.tally.check(put_off=0)
        t.check()


tap.run(r.close)
