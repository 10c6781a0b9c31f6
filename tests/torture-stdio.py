#!/usr/bin/python3
"""ocsp-stdio while its system calls fail: an answer that is right, one that says "later", or a
clean close; never a crash, never a lie, never half a file in the cache."""
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import inject
import ocsp
import tap
import wire
from responder import BUILD, LONG, PATIENCE_S, Responder, read_all

# Of a call that is to fail strace makes one that does not exist, for which the tight filter kills.
r = Responder(sandbox='off', timeout='2')
good = r.add(r.ca.issue('good'))
revoked = r.add(r.ca.issue('revoked'), status='Revoked', when='2026-01-02 03:04:05',
                reason='key_compromise')
STATUSES = {good.serial: ('good',), revoked.serial: ('revoked(1)',)}
NOT_THERE = 0x1234
# Allocations are made to fail by a library, which a static program does not load.
DYNAMIC = 'ocsp-stdio-dynamic'
shutil.copy2(os.path.join(BUILD, 'tests', DYNAMIC), r.path('bin'))
SANITIZED = inject.is_sanitized(r.path('bin', 'ocsp-stdio'))

# An answer that says nothing about the certificate.
LATER = ('tryLater', 'internalError')


def on_a_socket(words, program, args, octets):
    """As an inetd starts it. (exit code, octets that came, standard error)"""
    ours, theirs = socket.socketpair()
    child = r.start_command(words + r.command(program, *args), stdin=theirs, stdout=theirs,
                            stderr=subprocess.PIPE)
    theirs.close()
    ours.settimeout(PATIENCE_S)
    with ours:
        try:
            ours.sendall(octets)
            ours.shutdown(socket.SHUT_WR)
            came = read_all(ours)
        except (ConnectionResetError, BrokenPipeError):
            came = None
    err = child.communicate(timeout=PATIENCE_S)[1]
    r.children.remove(child)
    return child.returncode, came, err


def on_pipes(words, program, args, octets):
    done = subprocess.run(words + r.command(program, *args), input=octets, cwd=r.dir,
                          capture_output=True, env=r.environment(), timeout=PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def in_a_file(words, program, args, octets):
    """What is still the request is no answer."""
    path = r.write('work/request', octets)
    code, out, err = on_pipes(words, program, [*args, path], b'')
    with open(path, 'rb') as f:
        came = f.read()
    tap.equal(out, b'')
    return code, b'' if came == octets else came, err


def status_of(came, http):
    """The status in what came: of the certificate, of OCSP, or of HTTP. None: nothing came."""
    if not came:
        return None
    if http:
        reply = wire.only(came)
        if reply.status != 200 or 'ocsp-response' not in reply.headers['content-type']:
            return 'HTTP %d' % reply.status
        came = reply.body
    response = ocsp.Response(came)
    if response.code == 0:
        faults = response.faults(r.ca.certificate)
        assert not faults, faults
    return str(response)


# A call on one of these says that the client, or the log, is lost: nobody can be told.
UNTOLD = ('(0<', '(1<', 'fd=0<', 'fd=1<', 'ocsp.log', '(2<', '/etc/localtime', '/dev/null')


def one(tally, scenario, program, f, follow):
    how, args, octets, want, cached = scenario
    http = octets[:1] in b'GP'
    if not cached:
        r.clear_cache()
    r.clear_log()
    with inject.Clock() as clock:
        try:
            code, came, err = how(inject.words(r.path('work'), program, f, follow), program, args,
                                  octets)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            tally.fault(f, 'lost: %r' % error)
            return
    hits = inject.hits(r.path('work'), f)
    if not hits:
        tally.add('not reached')
        return
    untold = any(word in hit for hit in hits for word in UNTOLD)
    log = r.log() + err.decode(errors='replace')
    if came is None and not untold:
        tally.fault(f, 'reset: the client lost what was sent; %s' % hits[0])
        return
    if code < 0 or code >= 128 or 'Sanitizer' in log:
        tally.fault(f, 'ended with %d: %s\n%s' % (code, hits[0], log))
        return
    try:
        status = status_of(came, http)
    except Exception as error:
        tally.fault(f, 'half an answer: %r; %s' % (error, hits[0]))
        return
    if status not in (None, want, *LATER):
        tally.fault(f, 'answered %s; %s' % (status, hits[0]))
    told = any(level in log for level in ('WARNING', 'ERROR', 'CRITICAL', 'ocsp-', 'strace: '))
    if status != want and not told and not untold:
        tally.fault(f, '%s, and nothing in the log; exit code %d; %s' % (status, code, hits[0]))
    if how is in_a_file and status is None and code == 0:
        tally.fault(f, 'no answer in the file, and exit code 0; %s' % hits[0])
    killed = 'ocsp-sign ended' in log or 'did not answer' in log
    for what in inject.cache_faults(r, STATUSES, killed or inject.is_removal(f)):
        tally.fault(f, what)
    tally.add({None: 'closed', want: 'answered'}.get(status, 'later'), clock.seconds)


def torture(scenario, follow=False, only=(), sandbox='off', program='ocsp-stdio'):
    inject.needs_strace()
    how, args, octets, want, cached = scenario
    r.clear_cache()
    with r.configured(keep_cache=True, sandbox=sandbox):
        if cached:
            on_a_socket([], 'ocsp-stdio', (), octets)
        allocations = program == DYNAMIC
        first = inject.words(r.path('work'), program, inject.NO_ALLOCATION if allocations else None,
                             follow)
        _, came, err = how(first, program, args, octets)
        tap.equal(status_of(came, octets[:1] in b'GP'), want, err)
        if allocations:
            faults = inject.allocations(r.path('work'), True)
        else:
            faults = inject.Calls(inject.traces(r.path('work')), SANITIZED).faults(
                LONG and not SANITIZED)
        tally = inject.Tally()
        for f in faults:
            if not only or f.call in only:
                one(tally, scenario, program, f, follow)
        # and all is well again
        r.clear_cache()
        tap.equal(str(r.ask_about(good)), 'good')
    tally.end()


SCENARIOS = {
    'a hit, DER': (on_a_socket, (), r.request(good), 'good', True),
    'a hit, GET': (on_a_socket, (), wire.get(wire.target(r.request(good))), 'good', True),
    'a hit, DER on pipes': (on_pipes, (), r.request(revoked), 'revoked(1)', True),
    'a miss, POST': (on_a_socket, (), wire.post(r.request(good)), 'good', False),
    'a miss, DER, revoked': (on_a_socket, (), r.request(revoked), 'revoked(1)', False),
    'not in the table': (on_a_socket, (), r.request(NOT_THERE), 'unauthorized', False),
    'FILE': (in_a_file, (), r.request(revoked), 'revoked(1)', False),
    'malformed': (on_a_socket, (), b'\x30\x03\x02\x01\x01', 'malformedRequest', False),
    'malformed, HTTP': (on_a_socket, (), b'GET /%%% HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP 400',
                        False),
    'the front page': (on_a_socket, (), wire.get('/'), 'HTTP 200', False),
}
for name, scenario in SCENARIOS.items():
    tap.add('ocsp-stdio, %s: each of its calls fails' % name, torture, scenario)
for name in ('a miss, POST', 'a miss, DER, revoked', 'FILE'):
    tap.add('ocsp-stdio and ocsp-sign, %s: each of their calls fails' % name, torture,
            SCENARIOS[name], True, (), 'auto')


for name, scenario in SCENARIOS.items():
    tap.add('ocsp-stdio, %s: each of its allocations fails' % name, torture, scenario, False, (),
            'off', DYNAMIC)


# What comes after the filter would end by it: strace makes of a call one that does not exist.
LOCKS = ('landlock_add_rule', 'landlock_create_ruleset', 'landlock_restrict_self', 'prctl',
         'prlimit64', 'seccomp')


@tap.test('sandbox=auto: what cannot be had is done without, and the log says so')
def sandbox_auto():
    torture(SCENARIOS['a hit, DER'], only=LOCKS, sandbox='auto')


@tap.test('sandbox=require: nothing is served without it, and the connection is closed cleanly')
def sandbox_require():
    torture(SCENARIOS['a hit, DER'], only=LOCKS, sandbox='require')


tap.run(r.close)
