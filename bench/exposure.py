#!/usr/bin/python3
"""What each directive of a unit costs a connection of ocsp@.service, and what it takes off the score
of "systemd-analyze security".

    bench/exposure.py [BUILD-FOLDER] [--rounds N] [--requests N]

BUILD-FOLDER is configured with --prefix=/usr --sysconfdir=/etc --localstatedir=/var. The units run in
a systemd of their own (tests/lib/sysd-up.sh), one directive at a time is added to the shipped one, and
cached answers are asked for, one after the other. The cost is processor time of all that runs in
there, systemd's included, so that other work on the machine disturbs little: the median of N rounds,
each of them beside the shipped unit right before.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TOP, 'bench', 'lib'), os.path.join(TOP, 'tests', 'lib')]

options = argparse.ArgumentParser(usage=__doc__)
options.add_argument('build', nargs='?', default='.')
options.add_argument('--rounds', type=int, default=5)
options.add_argument('--requests', type=int, default=40)
options = options.parse_args()

import fixture  # noqa: E402
import units    # noqa: E402

SHIPPED = os.path.join(TOP, 'units', 'ocsp@.service')
PORT = 2560
ALONE = [line for line in '''
RemoveIPC=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
ProtectHostname=yes
ProtectClock=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectSystem=strict
ProtectProc=invisible
ProcSubset=pid
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self
LoadCredential=p:/srv/bench/password
'''.splitlines() if line]
FILTERS = ALONE[1:7] + ['ProtectHostname=yes']


def parse_full():
    with open(os.path.join(TOP, 'bench', 'full-sandbox.conf')) as f:
        return [line for line in f.read().splitlines() if re.match('[A-Z]', line)]


def score(lines):
    """Of the shipped unit with these lines more."""
    with tempfile.TemporaryDirectory() as folder:
        with open(SHIPPED) as f:
            text = f.read()
        file = os.path.join(folder, 'ocsp@.service')
        with open(file, 'w') as f:
            f.write(text + '\n[Service]\n' + '\n'.join(lines) + '\n')
        said = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--offline=yes', file],
                              capture_output=True, text=True).stdout
    return re.search(r': (\d+\.\d)', said.splitlines()[-1]).group(1)


class Bench:
    def __init__(self):
        self.work = tempfile.mkdtemp(prefix='ocsp-exposure-', dir='/tmp')
        self.fixture = fixture.Fixture(os.path.abspath(options.build), 'sqlite', 1)
        shutil.copy(os.path.join(TOP, 'tests', 'lib', 'load.py'), os.path.join(self.work, 'load'))
        self.units = units.Systemd(self.work, os.path.abspath(options.build), self.work,
                                   self.fixture)
        shutil.copy(os.path.join(self.fixture.requests, '0.der'), self.root('srv/bench/request'))
        with open(os.path.join(self.units.work, 'cgroup')) as f:
            self.cgroup = f.read().strip()

    def root(self, name):
        with open(os.path.join(self.units.work, 'init')) as f:
            return os.path.join('/proc', f.read().strip(), 'root', name)

    def used_us(self):
        with open(os.path.join(self.cgroup, 'cpu.stat')) as f:
            return int(re.search(r'usage_usec (\d+)', f.read()).group(1))

    def ask(self, requests):
        self.units.sh('%s/load %d %d 1 %s/request' % (units.PLACE, PORT, requests, units.PLACE))

    def use(self, lines):
        self.units.full = '[Service]\n' + ''.join(line + '\n' for line in lines)
        folder = '/etc/systemd/system/ocsp@.service.d'
        self.units.sh("mkdir -p %s; cat > %s/one.conf <<'END'\n%sEND\n"
                      'systemctl daemon-reload; systemctl start ocsp.socket'
                      % (folder, folder, self.units.full))

    def cost_ms(self, lines):
        self.use(lines)
        self.ask(3)
        before = self.used_us()
        self.ask(options.requests)
        return (self.used_us() - before) / options.requests / 1000

    def close(self):
        self.units.close()
        self.fixture.close()
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    full = parse_full()
    rows = [('`%s`' % line, [line]) for line in ALONE]
    rows += [('these seven filters', FILTERS), ('all of bench/full-sandbox.conf', full)]
    shipped, more = [], {name: [] for name, _ in rows}
    bench = Bench()
    try:
        for _ in range(options.rounds):
            for name, lines in rows:
                shipped.append(bench.cost_ms([]))
                more[name].append(bench.cost_ms(lines) - shipped[-1])
    finally:
        bench.close()
    print('| directive | ms | score |\n| --- | --- | --- |')
    print('| the shipped unit | %.1f | %s |' % (statistics.median(shipped), score([])))
    for name, lines in rows:
        print('| %s | %+.1f | %s |' % (name, statistics.median(more[name]), score(lines)))


main()
