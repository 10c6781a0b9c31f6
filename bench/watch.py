#!/usr/bin/python3
"""What "ocspctl watch" costs and how soon it sees a revocation, on a large table.

    bench/watch.py [BUILD-FOLDER] [--rows N] [--cached N] [--seconds N] [--times N]

A private MariaDB, whose memory holds all of it, gets a table of N rows, as the predecessor had it and
then with updated_at; some rows have an answer in the cache. "watch" and "server" are the processor
time of each, in percent of one core, while nothing changes (the server's without the watcher is
subtracted); "worst" is the longest time from an UPDATE to a client that sees it.
"""
import argparse
import os
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'tests', 'lib'))

options = argparse.ArgumentParser(usage=__doc__)
options.add_argument('build', nargs='?', default='.')
options.add_argument('--rows', type=int, default=1000000)
options.add_argument('--cached', type=int, default=10000)
options.add_argument('--seconds', type=int, default=60)
options.add_argument('--times', type=int, default=20)
options = options.parse_args()
os.environ['builddir'] = options.build

import pki      # noqa: E402
from responder import Responder, terminate, wait_for    # noqa: E402

FILL = """INSERT INTO list_certs (cert_num, cert) SELECT CONCAT('0x4%s', LPAD(HEX(FLOOR(RAND()
 * 4294967295)), 8, '0'), LPAD(HEX(seq), 10, '0')), REPEAT('c', 700) FROM seq_1_to_%d"""


def cpu(pid):
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def percent(pids, seconds):
    """Of a core, for each of these processes."""
    before, start = [cpu(p) for p in pids], time.monotonic()
    time.sleep(seconds)
    return [(cpu(p) - b) * 100 / (time.monotonic() - start) for p, b in zip(pids, before)]


def markers(r):
    return [os.path.join(base, '.verified') for base, _, names in os.walk(r.path('cache'))
            if '.verified' in names]


def latency(r, leaf):
    worst = 0
    for i in range(options.times):
        (r.unrevoke if i % 2 else r.revoke)(leaf)
        start, want = time.monotonic(), 'good' if i % 2 else 'revoked(1)'
        while str(r.ask_about(leaf)) != want:
            time.sleep(0.02)
        worst = max(worst, time.monotonic() - start)
        time.sleep(0.37 * (i % 5))
    return worst


def bench(r, how, idle):
    server = r.database.server.pid
    start = time.monotonic()
    child = r.start('ocspctl', 'watch')
    wait_for(lambda: markers(r), 'the first comparison', 600)
    first = time.monotonic() - start
    time.sleep(25)      # until it knows the table as it is
    used = percent([child.pid, server], options.seconds)
    leaf = r.add(r.ca.issue('leaf'))
    r.ask_about(leaf)
    worst = latency(r, leaf)
    age = time.time() - max(os.stat(m).st_mtime for m in markers(r))
    print('%-12s first comparison %5.1f s   idle: watch %4.1f %%  server %4.1f %%   worst of %d: '
          '%.2f s   last word %.0f s old'
          % (how, first, used[0], used[1] - idle, options.times, worst, age), flush=True)
    terminate(child)
    for marker in markers(r):
        os.unlink(marker)


with Responder(ca=pki.make_root(), store='mysql', verify='no', recheck='60',
               db={'log': 'WARNING'}) as r:
    r.sql('SET GLOBAL innodb_buffer_pool_size = %d' % (1536 * options.rows))
    r.sql(FILL % ('0', options.cached))
    print(r.check_ctl('presign').splitlines()[0])
    left = options.rows - options.cached
    if left > 0:
        r.sql(FILL % ('1', left))
    print('%d rows, %d answers in the cache' % (options.rows, options.cached), flush=True)
    time.sleep(5)
    idle = percent([r.database.server.pid], 10)[0]
    bench(r, 'plain table', idle)
    start = time.monotonic()
    r.check_ctl('init-db', '--upgrade')
    print('init-db --upgrade took %.1f s' % (time.monotonic() - start))
    time.sleep(5)
    bench(r, 'updated_at', idle)
