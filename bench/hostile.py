#!/usr/bin/python3
"""hostile.py LOG [SVG] - makes docs/security.md's table of what "OCSP_TEST_ALL=yes
tests/system-hostile.sh" has printed into LOG, and draws its latencies."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import plot

COLUMNS = ('launcher', 'clients', 'tried', 'held', 'refused', 'longest', 'asked', 'answered',
           'later', 'lost', 'wrong', 'p50', 'p99', 'max')


def read(path):
    """{clients: {launcher: {column: text}}}, in the order of the log."""
    found = {}
    with open(path) as f:
        for line in f:
            cells = [c.strip() for c in line.strip('#| \n').split('|')]
            if line.startswith('# | ') and cells[0] != 'launcher':
                one = dict(zip(COLUMNS, cells))
                found.setdefault(one['clients'], {})[one['launcher']] = one
    return found


def thousands(text):
    return '{:,}'.format(int(text))


def cells(one):
    if not one:
        return ['', '', '']
    answered = int(one['answered']) + int(one['later'])
    return ['%s, %s, %s' % tuple(thousands(one[c]) for c in ('tried', 'held', 'refused')),
            '%s of %s' % (one['lost'], one['asked']),
            '%s, %s' % (thousands(one['p50']), thousands(one['max'])) if answered else '']


def table(found, names):
    heads = [''] + [h for name in names for h in ('`%s`' % name, 'lost', 'ms')]
    out = ['| %s |' % ' | '.join(heads), '|' + ' --- |' * len(heads)]
    for clients, by_launcher in found.items():
        row = [clients] + [c for name in names for c in cells(by_launcher.get(name))]
        out.append('| %s |' % ' | '.join(row))
    return '\n'.join(out)


def span(one):
    if not one:
        return None
    lost = '%s of %s lost' % (one['lost'], one['asked']) if int(one['lost']) else ''
    if one['lost'] == one['asked']:
        return None, None, lost
    return max(1, float(one['p50'])), max(1, float(one['max'])), lost


def main():
    found = read(sys.argv[1])
    names = list(dict.fromkeys(name for rows in found.values() for name in rows))
    print(table(found, names))
    total = {c: sum(int(one[c]) for rows in found.values() for one in rows.values())
             for c in ('tried', 'asked', 'later', 'lost', 'wrong')}
    print('\n%(tried)d connections of attackers; %(asked)d requests of the well-behaved client, '
          '%(later)d tryLater, %(lost)d lost, %(wrong)d wrong' % total)
    if sys.argv[2:]:
        rows = [(clients, [span(by.get(name)) for name in names]) for clients, by in found.items()]
        with open(sys.argv[2], 'w') as f:
            f.write(plot.ranges('A well-behaved client meanwhile: half of its answers, '
                                'and the last', 'ms', names, rows))


main()
