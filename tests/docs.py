#!/usr/bin/python3
"""What the documentation says is what the code does: keys, limits, options, exit codes, files."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import tap
from responder import BUILD, PROGRAMS

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*path):
    with open(os.path.join(TOP, *path)) as f:
        return f.read()


README = read('README.md')


def help_of(program):
    done = subprocess.run([os.path.join(BUILD, program), '--help'], capture_output=True, text=True)
    tap.equal(done.returncode, 0, program)
    return done.stdout


def keys_of_code():
    """(section, key) of everything that is read."""
    section = {'KEY_DB': 'db', 'KEY_OCSP': 'ocsp', 'KEY_CA': 'ca'}
    return {(section[kind], key) for kind, key
            in re.findall(r'^(KEY_\w+)\((\w+),', read('src', 'conf-keys.def'), re.M)}


def keys_of_example():
    section, found = None, set()
    for line in read('etc', 'ocsp_py', 'config.ini').splitlines():
        header = re.match(r'#?\[(\w+).*\]$', line)
        key = re.match(r'#?([a-z_]+)=', line)
        if header:
            section = header.group(1)
        elif key:
            found.add((section, key.group(1)))
    return found


@tap.test('the example configuration has every key, and no other')
def example():
    code, found = keys_of_code(), keys_of_example()
    tap.equal(sorted(code - found), [], 'missing in etc/ocsp_py/config.ini')
    tap.equal(sorted(found - code), [], 'not known to the code')


@tap.test('README.md names no key that there is not')
def readme_keys():
    names = {key for _, key in keys_of_code()}
    part = README[README.index('## Configuration'):README.index('## Log')]
    named = set(re.findall(r'`(?:\[\w+\] )?([a-z_]+)=', part))
    assert len(named) > 15, named
    tap.equal(sorted(named - names), [])


@tap.test("README.md's limits are the code's")
def limits():
    code = dict(re.findall(r'#define (LIM_\w+) (\d+)', read('src', 'bounds.h')))
    table = README[README.index('## Limits'):README.index('## Exit codes')]
    rows = {'request': ['REQUEST_LEN'], 'certificates in a request': ['CERTIDS'],
            'nonce': ['NONCE_LEN'], 'serial number': ['SERIAL_LEN'],
            'HTTP head; target': ['HTTP_HEAD', 'HTTP_TARGET'], 'HTTP fields': ['HTTP_FIELDS'],
            'answer read from cache or signer': ['RESPONSE_LEN'],
            'CAs; database hosts': ['CAS', 'HOSTS']}
    for row, names in rows.items():
        said = re.search(r'^\| %s \| ([^|]*) \|' % re.escape(row), table, re.M).group(1)
        numbers = re.findall(r'\d+', said.replace(',', ''))
        for name in names:
            tap.contains(numbers, code['LIM_' + name], row)
    tap.equal(len(re.findall(r'^\| [^-w]', table, re.M)), len(rows), 'rows of the table')


@tap.test("README.md's exit codes are those of --help")
def exit_codes():
    table = README[README.index('## Exit codes'):README.index('## Security')]
    documented = set(re.findall(r'^\| (\d+) \|', table, re.M))
    told = set()
    for program in PROGRAMS:
        text = help_of(program)
        codes = set(re.findall(r'(?<![\w.])(\d\d)(?= )', text[text.index('Exit codes:'):]))
        assert codes, program
        told |= codes
    tap.equal(sorted(documented - {'0'}), sorted(told))


@tap.test('--help of ocspctl and README.md name the same verbs')
def verbs():
    told = re.findall(r'^  ([a-z][a-z-]+)  +\w', help_of('ocspctl'), re.M)
    line = re.search(r'^\| `ocspctl .*$', README, re.M).group()
    assert len(told) >= 6, told
    for verb in told:
        tap.contains(line, '`%s`' % verb)


@tap.test('links in README.md and docs/ lead to files')
def links():
    for page in ['README.md'] + ['docs/' + n for n in os.listdir(os.path.join(TOP, 'docs'))
                                 if n.endswith('.md')]:
        for target in re.findall(r'\]\(([^)#:]+)\)', read(page)):
            path = os.path.join(TOP, os.path.dirname(page), target)
            assert os.path.exists(path), '%s: %s' % (page, target)


@tap.test('no test is forgotten in tests/local.mk')
def all_tests():
    listed = read('tests', 'local.mk')
    names = [n for n in os.listdir(os.path.join(TOP, 'tests')) if n.endswith(('.py', '.sh'))]
    names += ['unit/' + n[:-2] for n in os.listdir(os.path.join(TOP, 'tests', 'unit'))
              if n.startswith('test-') and n.endswith('.c')]
    names += ['lib/' + n for n in os.listdir(os.path.join(TOP, 'tests', 'lib'))
              if n.endswith(('.py', '.sh'))]
    for name in names:
        assert re.search(r'tests/%s( |$)' % re.escape(name), listed, re.M), name


@tap.test('no source file has more than 400 lines')
def short_files():
    for name in os.listdir(os.path.join(TOP, 'src')):
        if name.endswith(('.c', '.h')):
            lines = read('src', name).count('\n')
            assert lines <= 400, '%s: %d lines' % (name, lines)


tap.run()
