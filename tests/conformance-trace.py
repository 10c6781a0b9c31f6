#!/usr/bin/python3
"""docs/conformance.md: every requirement has its row, and every test named there exists and, if it
could be run, has passed.

A row: | id | level | rule | what we do | tests |, with each test in `backquotes`: its file, and the
beginning of the name that stands behind "ok N - ": `answers: good`, `unit/der: takes_der`. A row
without a test says "n/a".
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import tap
from responder import BUILD, DATA

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEVELS = ('MUST', 'SHOULD', 'MAY', 'derived')

with open(os.path.join(TOP, 'docs', 'conformance.md')) as f:
    TEXT = f.read()
with open(os.path.join(DATA, 'conformance-ids.txt')) as f:
    IDS = f.read().split()
ROWS = {cells[0].strip(): [c.strip() for c in cells[1:]] for cells in
        (line.strip('|').split('|') for line in re.findall(r'^\| [A-Z]-\d+ .*\|$', TEXT, re.M))}


def results():
    """{file: {name of a test: 'ok', 'not ok' or 'skip'}} of the logs in the build's folder."""
    found = {}
    for path in glob.glob(os.path.join(BUILD, 'tests', '**', '*.log'), recursive=True):
        name = os.path.relpath(path, os.path.join(BUILD, 'tests'))[:-4].replace('test-', '')
        with open(path, errors='replace') as f:
            lines = re.findall(r'^(not ok|ok) \d+ - (.*?)( # SKIP.*)?$', f.read(), re.M)
        found[name] = {text.strip(): 'skip' if skip else ok for ok, text, skip in lines}
    return found


def source_of(file):
    """A test's text, of all its files: what to look in when it has not been run."""
    names = [file + '.py', file + '.sh', file.replace('unit/', 'unit/test-') + '.c', file + '/*.py']
    found = [path for name in names for path in glob.glob(os.path.join(TOP, 'tests', name))]
    assert found, 'there is no test file ' + file
    text = ''
    for path in found:
        with open(path) as f:
            text += f.read()
    return text


RAN = results()


@tap.test('every id of the checklist has a row, and every row is of the checklist')
def complete():
    tap.equal([i for i in IDS if i not in ROWS], [], 'without a row')
    tap.equal([i for i in ROWS if i not in IDS], [], 'not in the checklist')
    rows = re.findall(r'^\| ([A-Z]-\d+) ', TEXT, re.M)
    tap.equal(len(rows), len(ROWS), 'a row twice')
    tap.equal(rows, IDS, 'in its order')


@tap.test('every row says how hard the rule is, what is done, and where that is proven, or n/a')
def whole_rows():
    for i, row in ROWS.items():
        level, rule, ours, tests = row
        assert level in LEVELS, '%s: level %r' % (i, level)
        assert rule and ours, i
        assert re.fullmatch(r'`[^`]+`(, `[^`]+`)*', tests) or tests == 'n/a', '%s: %r' % (i, tests)


@tap.test('the counts are right')
def counts():
    for level in LEVELS:
        rows = [row for row in ROWS.values() if row[0] == level]
        proven = sum(row[3] != 'n/a' for row in rows)
        said = re.search(r'^\| %s \| (\d+) \| (\d+) \| (\d+) \|$' % level, TEXT, re.M)
        assert said, 'no count of ' + level
        tap.equal([int(n) for n in said.groups()], [len(rows), proven, len(rows) - proven], level)


def proven(tests):
    for test in tests:
        file, mark, name = test.partition(': ')
        assert mark, '`%s` names no file' % test
        if RAN.get(file):
            outcomes = [outcome for text, outcome in RAN[file].items()
                        if text.startswith(name) or ': ' + name in text]
            assert 'not ok' not in outcomes, '%s: "%s" failed' % (file, name)
        else:
            outcomes = []
        if 'ok' not in outcomes:
            tap.note('%s: "%s" was not run' % (file, name))
        if not outcomes:
            # not built or not possible here, or no "make check": then it has to be there
            assert name in re.sub(r"\\(?=')|'\n *'", '', source_of(file)), test


for i, row in ROWS.items():
    names = re.findall(r'`([^`]+)`', row[-1])
    if names:
        tap.add('%s is proven' % i, proven, names)

tap.run()
