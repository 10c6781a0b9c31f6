#!/usr/bin/python3
"""No descriptors, no memory, no processes, no random numbers: an answer or a clean close, and the
log says what is lacking."""
import collections
import os
import resource
import select
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import inject
import mariadb
import ocsp
import tap
import wire
from responder import LONG, PATIENCE_S, Responder, accepts, read_all, terminate, wait_for

r = Responder(sandbox='off', timeout='2')
good = r.add(r.ca.issue('good'))
request = r.request(good)
SANITIZED = inject.is_sanitized(r.path('bin', 'ocsp-sign'))
LATER = ('tryLater', 'internalError')
MIB = 1 << 20


def loads(program, limit):
    """Can the kernel and the loader start it at all with these limits?"""
    return subprocess.run([r.path('bin', program), '--version'], capture_output=True,
                          preexec_fn=limit).returncode == 0


def limited(program, octets, **limits):
    """(status or None, exit code, log) of a run with these limits, by their names in resource; None
    where the program can't be loaded."""
    def limit():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))

    if not loads(program, limit):
        return None
    r.clear_log()
    done = subprocess.run(r.command(program), input=octets, capture_output=True, cwd=r.dir,
                          env=r.environment(), preexec_fn=limit, timeout=PATIENCE_S)
    log = r.log() + done.stderr.decode(errors='replace')
    assert done.returncode >= 0 and 'Sanitizer' not in log, (done.returncode, log)
    status = None
    if done.stdout:
        response = ocsp.Response(done.stdout)
        status = str(response)
        assert response.code or not response.faults(r.ca.certificate), status
    return status, done.returncode, log


def sound(what, result, tally):
    """Answered, or told in the log why not."""
    if not result:
        tally.add('not loaded')
        return
    status, code, log = result
    if status not in (None, 'good', *LATER):
        tally.fault(what, 'answered %s\n%s' % (status, log))
    if status != 'good' and not any(word in log for word in (
            'ERROR', 'CRITICAL', 'WARNING', 'ocsp-stdio', 'ocsp-sign')):
        tally.fault(what, '%s, exit code %d, and nothing in the log' % (status, code))
    for fault in inject.cache_faults(r, {good.serial: ('good',)}):
        tally.fault(what, fault)
    tally.add({None: 'closed', 'good': 'answered'}.get(status, 'later'))


def sweep(name, values):
    """Each program, with an empty cache and with the answer in it, under each of the limits."""
    tally = inject.Tally()
    for value in values:
        for program in ('ocsp-stdio', 'ocsp-sign'):
            r.clear_cache()
            for where in ('a miss', 'then'):
                sound('%s of %s with %s=%d' % (where, program, name, value),
                      limited(program, request, **{name: value}), tally)
    r.clear_cache()
    tap.equal(str(r.ask_about(good)), 'good', 'without a limit')
    tally.end()


@tap.test('descriptors: none, one more, and so on')
def descriptors():
    sweep('RLIMIT_NOFILE', range(3, 16))


@tap.test('memory: from almost none to enough')
def memory():
    if SANITIZED:
        tap.skip('a sanitizer takes terabytes of addresses')
    sweep('RLIMIT_AS', range(1 * MIB, 40 * MIB, MIB if LONG else 3 * MIB))


@tap.test('sizes of files: no answer in the cache, but one for the client')
def file_size():
    sweep('RLIMIT_FSIZE', (0, 64, 200, 4096))


@tap.test('processes: ocsp-sign cannot be started, so tryLater, and what is in the cache is served')
def processes():
    if os.getuid() != 0:
        tap.skip('only root can become a user whose processes are limited')
    r.clear_cache()
    status, code, log = limited('ocsp-stdio', request, RLIMIT_NPROC=0)
    tap.equal((status, code), ('tryLater', 0), log)
    tap.contains(log, 'ocsp-sign could not be started')
    tap.equal(str(r.ask_about(good)), 'good')
    tap.equal(limited('ocsp-stdio', request, RLIMIT_NPROC=0)[0], 'good')


def ask(port):
    """What comes over a connection; None if it was reset."""
    with wire.connect(port) as sock:
        try:
            sock.sendall(wire.post(request))
            return read_all(sock)
        except ConnectionResetError:
            return None


def listener(name, value):
    """A listener that was started with a limit, and its port: once it accepts, or has ended."""
    r.clear_log()
    port = mariadb.free_port()
    with open(r.path('listener.err'), 'wb') as err:
        child = r.start('ocsp-stdio', '--listen', '-l', '127.0.0.1:%d' % port, stderr=err,
                        preexec_fn=lambda: resource.setrlimit(name, (value, value)))
    wait_for(lambda: child.poll() is not None or accepts(port), 'a listener, or its end')
    return child, port


@tap.test('--listen, no processes: refused with 503 at the most, and the log says why')
def listener_processes():
    if os.getuid() != 0:
        tap.skip('only root can become a user whose processes are limited')
    child, port = listener(resource.RLIMIT_NPROC, 0)
    for _ in range(5):
        came = ask(port)
        assert not came or wire.only(came).status == 503, came
    tap.contains(r.log(), 'fork: Resource temporarily unavailable')
    tap.equal(terminate(child), 0)


@tap.test('--listen, few descriptors: it says so and ends, or who connects is answered or waits')
def listener_descriptors():
    outcomes = collections.Counter()
    for n in range(3, 16):
        child, port = listener(resource.RLIMIT_NOFILE, n)
        if child.poll() is not None:
            said = r.log() + r.listeners_said()
            assert 'Too many open files' in said or 'error while loading' in said, (n, said)
            outcomes['did not start'] += 1
            continue
        with wire.connect(port) as sock:
            sock.sendall(wire.post(request))
            if select.select([sock], [], [], 3)[0]:
                came = read_all(sock)
                outcomes['answered' if came else 'closed'] += 1
                if came:
                    reply = wire.only(came)
                    assert reply.status == 503 or str(ocsp.Response(reply.body)) in ('good', *LATER)
                else:
                    tap.contains(r.log() + r.listeners_said(), 'Too many', 'closed with %d' % n)
            else:
                tap.contains(r.log() + r.listeners_said(), 'accept: Too many open files')
                outcomes['waits'] += 1
        child.kill()
        child.wait()
    tap.note(dict(outcomes))
    assert outcomes['answered'], 'none was answered'


# --- random numbers

def without_random(command, octets):
    """getrandom() fails, and /dev has neither random nor urandom, nor anything but null."""
    script = 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"'
    return subprocess.run(
        ['unshare', '--mount', 'sh', '-c', script, 'sh', 'strace', '-ff', '--seccomp-bpf', '-o',
         r.path('work', 'trace'), '-e', 'trace=getrandom', '-e', 'inject=getrandom:error=ENOSYS',
         *command], input=octets, capture_output=True, cwd=r.dir, env=r.environment(),
        timeout=PATIENCE_S)


@tap.test('no random numbers: nothing is signed with what can be guessed; the log says so')
def random_numbers():
    inject.needs_strace()
    if os.getuid() != 0:
        tap.skip('only root can take /dev away')
    if subprocess.run(['unshare', '--mount', 'true'], capture_output=True).returncode:
        tap.skip('no namespaces here')
    for program in ('ocsp-sign', 'ocsp-stdio'):
        r.clear_cache()
        r.clear_log()
        done = without_random(r.command(program), request)
        assert done.stdout, (done, r.log())
        status = str(ocsp.Response(done.stdout))
        assert status in LATER, status
        tap.contains(r.log(), 'failed')
        tap.equal(r.cache_files(), [])
        # what is in the cache needs none
        r.ask_about(good)
        done = without_random(r.command('ocsp-stdio'), request)
        tap.equal(str(ocsp.Response(done.stdout)), 'good')


tap.run(r.close)
