#!/usr/bin/python3
"""How fast "ocspctl presign" signs, beside "openssl speed" on the same cores in the same run.

    bench/presign.py [BUILD-FOLDER] [--rows N] [--store mysql|sqlite] [--jobs N]
                     [--kind rsa|p256]

For each kind of key a table is filled with N certificates and signed from an empty cache, best of
three: with and without a look at the certificates (verify=), with the cache on disk and in memory
(/dev/shm), to show what bounds it. "user" and "sys" are the processor time of one answer, "cpu" the
part of it that "openssl speed" needs for the signature alone: unlike the rate, it does not depend on
what else the machine does.
"""
import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'tests', 'lib'))

options = argparse.ArgumentParser(usage=__doc__)
options.add_argument('build', nargs='?', default='.')
options.add_argument('--rows', type=int, default=10000)
options.add_argument('--store', default='mysql')
options.add_argument('--jobs', type=int, default=len(os.sched_getaffinity(0)))
options.add_argument('--kind', action='append')
options = options.parse_args()
os.environ['builddir'] = options.build

import bulk     # noqa: E402
import pki      # noqa: E402
from responder import Responder     # noqa: E402

ALGORITHM = {'rsa': 'rsa2048', 'p256': 'ecdsap256'}


def openssl_speed(kind):
    """Signatures a second on all cores, and microseconds of processor time for one."""
    def last_line(*args):
        done = subprocess.run(['openssl', 'speed', '-seconds', '3', *args, ALGORITHM[kind]],
                              capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if 'bits' in line][-1].split()

    return float(last_line('-multi', str(options.jobs))[-2]), 1e6 / float(last_line()[-2])


def presign(r, below, **keys):
    """Signatures a second, and microseconds of user and system time for each. Every run has a new
    cache, and nothing is removed in between: some file systems are slow after that."""
    best = None
    for i in range(3):
        cache = r.own(tempfile.mkdtemp(prefix='cache-', dir=below))
        r.configure(cache=cache, **keys)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = r.check_ctl('presign', '--jobs', str(options.jobs))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        rate = int(re.search(r'([\d,]+) signatures/s', out).group(1).replace(',', ''))
        scale = 1e6 / options.rows
        found = (rate, (after.ru_utime - before.ru_utime) * scale,
                 (after.ru_stime - before.ru_stime) * scale)
        best = max(best or found, found)
    return best


def report(kind, how, speed, found):
    print('%-5s %-28s %8.0f/s %5.0f %%   user %4.0f us  sys %4.0f us  cpu %3.0f %%'
          % (kind, how, found[0], found[0] * 100 / speed[0], found[1], found[2],
             speed[1] * 100 / (found[1] + found[2])), flush=True)


def bench(kind):
    ca = pki.make_root(kind=kind)
    leaf_key = pki.make_key('p256')
    memory = tempfile.mkdtemp(prefix='ocsp-bench-', dir='/dev/shm')
    os.chmod(memory, 0o755)
    try:
        with Responder(ca=ca, store=options.store, db={'log': 'WARNING'}) as r:
            bulk.fill(r, bulk.rows(ca, options.rows, leaf_key))
            speed = openssl_speed(kind)
            print('%-5s %-28s %8.0f/s           user %4.0f us'
                  % (kind, 'openssl speed', *speed))
            for where, below in (('', r.dir), (', cache in memory', memory)):
                for check in ('yes', 'no'):
                    report(kind, 'verify=%s%s' % (check, where), speed,
                           presign(r, below, verify=check))
    finally:
        shutil.rmtree(memory)


for kind in options.kind or ['rsa', 'p256']:
    bench(kind)
