#!/usr/bin/python3
"""What an answer costs in processor time, from the responder itself to files without one; and what
"ocspctl export-static" takes. For docs/scaling.md.

    bench/scaling.py BUILD-FOLDER [--rounds N] [--answers N] [--picture docs/benchmarks/scaling.svg]

Processor time, of all processes of the server together, since other work on the machine changes it
least; the least of the rounds, which are in alternation. The client's is not in it, nor what the
kernel does for a connection outside of any process.
"""
import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ['srcdir'] = TOP
sys.path[:0] = [os.path.join(TOP, 'tests', 'lib'), os.path.join(TOP, 'bench', 'lib')]

options = argparse.ArgumentParser(usage=__doc__)
options.add_argument('build')
options.add_argument('--rounds', type=int, default=3)
options.add_argument('--answers', type=int, default=20000)
options.add_argument('--picture')
options = options.parse_args()
os.environ['builddir'] = options.build

import bulk             # noqa: E402
import machine          # noqa: E402
import pki              # noqa: E402
import plot             # noqa: E402
import proxies          # noqa: E402
import wire             # noqa: E402
from responder import Responder     # noqa: E402

SECONDS = 2
TICK_US = 1e6 / os.sysconf('SC_CLK_TCK')


def family():
    """{process: its parent}"""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % pid) as f:
                found[int(pid)] = int(f.read().rsplit(')', 1)[1].split()[1])
        except OSError:
            pass
    return found


def processor_us(pid):
    """Of a process, those below it, and those that it has waited for."""
    parents, total = family(), 0
    wanted = {pid}
    while more := {p for p, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    for p in wanted:
        try:
            with open('/proc/%d/stat' % p) as f:
                total += sum(map(int, f.read().rsplit(')', 1)[1].split()[11:15]))
        except OSError:
            pass
    return total * TICK_US


def load(tools, port, request, body, keep):
    """How many answers came, all of them right."""
    done = subprocess.run([os.path.join(tools, 'load'), *(['-k'] if keep else []), '-s', str(SECONDS),
                           '-b', body, str(port), request], capture_output=True, text=True)
    numbers = done.stdout.split()
    assert int(numbers[1]) <= int(numbers[0]) // 100, '%s: %s' % (request, done.stdout + done.stderr)
    return int(numbers[0])


def cost_of_an_answer(tools):
    with Responder(ca=pki.make_root(kind='rsa2048'), recheck='86400', maxage='86400', keepalive='1000',
                   maxpersource='0', db={'log': 'WARNING'}) as r:
        leaf = r.add(r.ca.issue('leaf'))
        request = r.request(leaf)
        answer = r.ask(request).der
        os.chmod(r.folder('static'), 0o755)
        body = r.write('body', answer)
        file = {}
        for keep, fields in ((False, ['Connection: close']), (True, [])):
            file['GET', keep] = r.write('get%d' % keep, wire.get(wire.target(request), *fields))
            file['POST', keep] = r.write('post%d' % keep, wire.post(request, *fields))
        listener, port = r.listen()
        behind = {proxies.RESPONDER: '127.0.0.1:%d' % port}
        # nobody is refused here
        many = {'rate=100r/s': 'rate=1000000r/s', 'burst=500': 'burst=1000000'}
        servers = {'listener': (listener.pid, port)}
        for name, start in (
                ('nginx', lambda: proxies.start_nginx(r, 'nginx.conf', dict(behind, **many))),
                ('haproxy', lambda: proxies.start_haproxy(
                    r, 'haproxy.cfg', dict(behind, **{'gt 1500': 'gt 1000000000'}))),
                ('files', lambda: static_nginx(r, behind))):
            proxied = start()
            servers[name] = r.children[-1].pid, proxied
        found = {}
        for _ in range(options.rounds):
            for name, (pid, port) in servers.items():
                for kind in ('GET', 'POST') if name in ('nginx', 'haproxy') else ('GET',):
                    for keep in (False, True):
                        before = processor_us(pid), processor_us(listener.pid)
                        n = load(tools, port, file[kind, keep], body, keep)
                        after = processor_us(pid), processor_us(listener.pid)
                        own, behind_it = ((b - a) / n for a, b in zip(before, after))
                        us = own, behind_it if name != 'listener' else 0
                        key = name, kind, keep
                        found[key] = min(found.get(key, us), us, key=sum)
        return found


def static_nginx(r, behind):
    # half of producetime= has to be left of an answer
    r.configure(maxage='300')
    r.check_ctl('export-static', r.path('static'))
    return proxies.start_nginx(r, 'nginx-static.conf', dict(
        behind, **{'/var/lib/ocsp_static': r.path('static')}))


def octets_on_disk(path):
    """(what the files have, what they take, files, folders)"""
    length = blocks = files = folders = 0
    for base, dirs, names in os.walk(path):
        folders += len(dirs)
        for name in dirs:
            blocks += os.lstat(os.path.join(base, name)).st_blocks * 512
        for name in names:
            state = os.lstat(os.path.join(base, name))
            length, blocks, files = length + state.st_size, blocks + state.st_blocks * 512, files + 1
    return length, blocks, files, folders


def exports(kind):
    with Responder(ca=pki.make_root(kind=kind), recheck='86400', verify='no',
                   db={'log': 'WARNING'}) as r:
        bulk.fill(r, bulk.blanks(options.answers, 1))
        r.check_ctl('presign')
        folder = r.folder('static')
        for what in ('all of them new', 'none of them new'):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            r.check_ctl('export-static', folder)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            us = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e6
            print('export-static, %d answers (%s), %s: %.0f us of processor time for each'
                  % (options.answers, kind, what, us / options.answers), flush=True)
        for where in ('cache', 'static/answers'):
            length, taken, files, folders = octets_on_disk(r.path(where))
            print('%s (%s): %d files in %d folders, %.0f octets each, %.0f on the disk'
                  % (where, kind, files, folders, length / files, taken / files), flush=True)


NAMES = {'listener': 'ocsp-stdio --listen', 'nginx': 'nginx, from its cache', 'files': 'nginx, files',
         'haproxy': 'HAProxy, from its cache'}


def picture(found):
    rows = [('%s, %s connection' % (NAMES[name], 'a kept' if keep else 'each a'), sum(us),
             name == 'listener')
            for (name, kind, keep), us in found.items() if kind == 'GET']
    with open(options.picture, 'w') as f:
        f.write(plot.bars('processor time for an answer', 'µs', rows))


def main():
    work = tempfile.mkdtemp(prefix='ocsp-bench-', dir='/tmp')
    try:
        found = cost_of_an_answer(machine.build_tools(work))
        print('us of processor time for an answer: the server\'s own, and the responder\'s behind it')
        for (name, kind, keep), (own, behind) in found.items():
            print('%-9s %-5s %-5s %7.1f %7.1f' % (name, kind, 'kept' if keep else 'new', own, behind))
        if options.picture:
            picture(found)
    finally:
        shutil.rmtree(work)
    for kind in ('rsa2048', 'p256'):
        exports(kind)


main()
