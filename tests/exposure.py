#!/usr/bin/python3
"""The units' scores of "systemd-analyze security" stay as low as docs/security.md says, and the parts
of them that matter are there."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import tap

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNITS = os.path.join(TOP, 'units')

with open(os.path.join(TOP, 'docs', 'security.md')) as f:
    PAGE = f.read()


def services():
    return sorted(n for n in os.listdir(UNITS) if n.endswith('.service'))


def documented():
    """{unit: score}"""
    return {unit: float(score) for unit, score
            in re.findall(r'^\| `(ocsp[\w@-]*\.service)` \| (\d+\.\d) \|', PAGE, re.M)}


def score(unit):
    if not shutil.which('systemd-analyze'):
        tap.skip('systemd is not installed')
    done = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--offline=yes',
                           os.path.join(UNITS, unit)], capture_output=True, text=True)
    if 'unrecognized option' in done.stderr:
        tap.skip('this systemd-analyze knows no --offline (it is older than 250)')
    found = re.search(r'exposure level for \S+: (\d+\.\d)', done.stdout)
    assert found, done.stdout + done.stderr
    return float(found.group(1))


def text_of(unit):
    with open(os.path.join(UNITS, unit)) as f:
        return f.read()


@tap.test('docs/security.md has a score for every service')
def all_documented():
    tap.equal(sorted(documented()), services())


@tap.test('no score is higher than what docs/security.md says')
def scores():
    for unit, said in documented().items():
        got = score(unit)
        tap.note('%s: %.1f' % (unit, got))
        assert got <= said, '%s: %.1f, not %.1f' % (unit, got, said)


@tap.test('what runs for long is at 1.4 or below')
def long_running():
    for unit in services():
        if '@' not in unit and unit != 'ocsp-metrics.service':
            assert documented()[unit] <= 1.4, unit


@tap.test('every service: no new privileges, no core file, bounded processes, no capability but one')
def common():
    for unit in services():
        text = text_of(unit)
        tap.contains(text, '\nNoNewPrivileges=yes\n', unit)
        tap.contains(text, '\nLimitCORE=0\n', unit)
        tap.contains(text, '\nSystemCallArchitectures=native\n', unit)
        assert re.search(r'^TasksMax=\d+$', text, re.M), unit
        capabilities = re.findall(r'^CapabilityBoundingSet=(.*)$', text, re.M)
        tap.equal(capabilities, ['CAP_DAC_OVERRIDE' if 'metrics' in unit else ''], unit)
        tap.equal('\nUser=' in text, 'metrics' not in unit, unit)


@tap.test('what serves clients never writes to standard error of a socket')
def standard_error():
    for unit in services():
        if '@' in unit:
            tap.contains(text_of(unit), '\nStandardError=journal\n', unit)


tap.run()
