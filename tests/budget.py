#!/usr/bin/python3
"""What an answer may cost, in numbers that are the same in every run: instructions of a hit and of a
miss by callgrind, the libraries of the three programs, the system calls of a hit by strace.
data/budget.txt has what they were; see docs/performance.md for what they are spent on."""
import os
import platform
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import pki
import tap
import wire
from responder import BUILD, DATA, PROGRAMS, Responder, stores

# How much more than the budget is let pass: compilers and patched libraries differ by less.
ALLOWANCE = 1.10
# What malloc() and stdio decide by themselves.
MEMORY = {'brk', 'mmap', 'munmap', 'mprotect', 'getrandom', 'madvise', 'mremap'}
STATIC = os.environ.get('STATIC_FRONT') == 'yes'

r = Responder(ca=pki.make_root('Test CA', key=pki.make_key('rsa2048')), sandbox='off',
              recheck='86400')
r.configure(db={'log': 'INFO'})
leaf, other = r.add(r.ca.issue('leaf')), r.add(r.ca.issue('other'))


def read_budget():
    with open(os.path.join(DATA, 'budget.txt')) as f:
        lines = [line.split('#')[0].split() for line in f]
    return {line[0]: line[1:] for line in lines if line}


budget = read_budget()


def needed(program):
    """The libraries that a program names, without their versions."""
    done = subprocess.run(['readelf', '-d', r.path('bin', program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {re.sub(r'\.so.*', '', name)
            for name in re.findall(r'\(NEEDED\)\s+Shared library: \[(.*?)\]', done.stdout)}


def need(program):
    if not shutil.which(program):
        tap.skip('%s is not installed' % program)


def need_plain_build():
    """What a sanitizer or a debugger's build costs is no one's budget."""
    need('readelf')
    need('valgrind')
    if any(name.startswith(('libasan', 'libubsan')) for name in needed('ocsp-sign')):
        tap.skip('built with sanitizers')
    with open(os.path.join(BUILD, 'Makefile')) as f:
        flags = re.search(r'^CFLAGS = (.*)', f.read(), re.M).group(1)
    if '-O2' not in flags.split():
        tap.skip('built with CFLAGS=%s; the budget is for -O2' % flags)
    # what compilers write for debuggers, valgrind can't always read
    need('strip')
    subprocess.run(['strip', *(r.path('bin', p) for p in PROGRAMS)], check=True)


def need_version(name, here):
    """Elsewhere these libraries spend as they like."""
    wanted = budget[name][0]
    if here != wanted:
        tap.skip('the budget is for %s %s; here it is %s' % (name, wanted, here))


def as_nobody():
    return {'user': r.account.pw_uid, 'group': r.account.pw_gid, 'extra_groups': []} \
        if os.getuid() == 0 else {}


def instructions(octets, *command):
    log, out = r.path('work', 'callgrind.log'), r.path('work', 'out')
    with open(out, 'wb') as f:
        subprocess.run([shutil.which('valgrind'), '--tool=callgrind', '--log-file=' + log,
                        '--callgrind-out-file=/dev/null', *command], input=octets, stdout=f,
                       env={}, cwd='/', check=True, timeout=120, **as_nobody())
    with open(log) as f:
        count = int(re.search(r'refs:\s+([\d,]+)', f.read()).group(1).replace(',', ''))
    os.remove(log)
    with open(out, 'rb') as f:
        return count, f.read()


def within(name, count):
    allowed = int(int(budget[name][0]) * ALLOWANCE)
    tap.note('%s: %d instructions, at most %d' % (name, count, allowed))
    assert count <= allowed, ('%s takes %d instructions, more than the %d that are allowed: see '
                              'docs/performance.md' % (name, count, allowed))


def glibc():
    return platform.libc_ver()[1]


def a_hit():
    r.ask_about(leaf)
    count, answer = instructions(wire.post(r.request(leaf)), *r.command('ocsp-stdio'))
    assert wire.only(answer).status == 200
    tap.equal(r.signatures(), 1, 'signatures: it was a hit')
    return count


@tap.test('instructions of a hit')
def hit():
    need_plain_build()
    need_version('glibc', glibc())
    within('hit-static' if STATIC else 'hit-dynamic', a_hit())


@tap.test('a hit takes fewer instructions than an empty dynamically linked program')
def hit_and_nothing():
    need_plain_build()
    need('cc')
    if not STATIC:
        tap.skip('ocsp-stdio is linked dynamically')
    empty = r.path('bin', 'empty')
    subprocess.run(['cc', '-O2', '-x', 'c', '-o', empty, '-'], input=b'int main(void){return 0;}',
                   check=True)
    nothing, _ = instructions(b'', empty)
    count = a_hit()
    tap.note('%d to %d' % (count, nothing))
    assert count <= 0.7 * nothing


@tap.test('instructions of a miss: lookup in SQLite, certificate, RSA-2048 signature, publication')
def miss():
    need_plain_build()
    if 'sqlite' not in stores():
        tap.skip('built without SQLite')
    need_version('glibc', glibc())
    done = subprocess.run(['openssl', 'version'], capture_output=True, text=True)
    need_version('openssl', '.'.join(done.stdout.split()[1].split('.')[:2]))
    before = r.signatures()
    with r.configured(timeout='60'):        # valgrind takes its time
        count, _ = instructions(r.request(other), *r.command('ocsp-sign'))
    tap.equal(r.signatures(), before + 1, 'signatures')
    within('miss', count)


@tap.test('libraries: none, or only libc, in ocsp-stdio; what is needed to sign in ocsp-sign')
def libraries():
    need('readelf')
    for program in PROGRAMS:
        allowed = set(budget['libraries-' + program])
        if program == 'ocsp-stdio' and STATIC:
            allowed = set()
        extra = {n for n in needed(program) - allowed
                 if not n.startswith(('libasan', 'libubsan', 'ld-linux'))}
        assert not extra, '%s is linked to %s; the budget has %s' % (program, sorted(extra),
                                                                    sorted(allowed))


def calls_of(trace):
    """Names in their order, from the first that is ours: what the descriptors 0, 1 and 2 are. Where
    libc has a choice, the shorter name."""
    start = re.search(r'^(newfstatat|fstat)\(0,', trace, re.M).start()
    names = re.findall(r'^(\w+)\(', trace[start:], re.M)
    return ['fstat' if n == 'newfstatat' else n for n in names if n not in MEMORY]


@tap.test('system calls of a hit')
def system_calls():
    need('strace')
    r.ask_about(leaf)
    trace = r.path('work', 'trace')
    done = subprocess.run([shutil.which('strace'), '-o', trace, *r.command('ocsp-stdio')],
                          input=wire.post(r.request(leaf)), capture_output=True, env={}, cwd='/',
                          timeout=60, **as_nobody())
    if done.returncode and b'ptrace' in done.stderr:
        tap.skip('no process may be traced here')
    tap.equal(wire.only(done.stdout).status, 200)
    with open(trace) as f:
        names = calls_of(f.read())
    tap.note(' '.join(names))
    tap.equal(names, budget['calls'])


tap.run(r.close)
