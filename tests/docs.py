#!/usr/bin/python3
"""What the documentation says is what the code does: keys, limits, options, exit codes, files."""
import os
import re
import shlex
import shutil
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


def help_of(program, *verb):
    done = subprocess.run([os.path.join(BUILD, program), *verb, '--help'], capture_output=True,
                          text=True)
    tap.equal(done.returncode, 0, program)
    return done.stdout


def keys_of_code():
    """(section, key) of everything that is read."""
    section = {'KEY_DB': 'db', 'KEY_OCSP': 'ocsp', 'KEY_ADMIN': 'admin', 'KEY_CA': 'ca'}
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


@tap.test('links in README.md, its neighbours and docs/ lead to files')
def links():
    pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']
    pages += ['docs/' + n for n in os.listdir(os.path.join(TOP, 'docs')) if n.endswith('.md')]
    for page in pages:
        for target in re.findall(r'\]\(([^)#:]+)\)', read(page)):
            path = os.path.join(TOP, os.path.dirname(page), target)
            assert os.path.exists(path), '%s: %s' % (page, target)


@tap.test("where ocspresponse= names what sign-issuer makes, it names all of it")
def issuer_files():
    pages = ['README.md', 'docs/operations.md', 'man/ocsp_py.ini.5']
    lines = [line for page in pages for line in re.findall(r'ocspresponse=(\S+-sha\S+)', read(page))]
    assert len(lines) > 1, lines
    for line in lines:
        forms = [re.search(r'-(sha.*)[.]der$', name).group(1) for name in line.split(',')]
        tap.equal(forms, ['sha1', 'sha1-np', 'sha256', 'sha256-np'], line)


@tap.test('README.md leads to every page of docs/')
def all_pages():
    for name in os.listdir(os.path.join(TOP, 'docs')):
        if name.endswith('.md'):
            tap.contains(README, '(docs/%s' % name)


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

# --- manuals and completion

MANUALS = {name: read('man', name) for name in os.listdir(os.path.join(TOP, 'man'))}


def items(page, start):
    """{first line: text} of the .It entries of a section that begins like this."""
    part = MANUALS[page][MANUALS[page].index(start) + 1:]
    part = re.split(r'^\.S[hs] ', part, flags=re.M)[0]
    return {e.split('\n', 1)[0]: e for e in re.split(r'^\.It ', part, flags=re.M)[1:]}


def keys_of_manual(section):
    """{key: text}"""
    part = items('ocsp_py.ini.5', '.Ss Section [%s]' % section)
    return {first.split()[1]: text for first, text in part.items()}


def verbs_of_help():
    return re.findall(r'^  ([a-z][a-z-]+)  +\w', help_of('ocspctl'), re.M)


def options_of(text):
    return set(re.findall(r'(?<![\w-])(--[a-z][a-z-]+|-[a-zA-Z])(?![\w-])', text))


def options_of_manual(text):
    """What .Fl and Fl name, aliases too: "-c", "--config"."""
    found = set()
    for macro in re.findall(r'\bFl (.*?)(?= Fl | Ns |$)', text.replace(' , ', ' , Fl '), re.M):
        found |= {'-' + word for word in macro.split() if re.fullmatch(r'-?[a-zA-Z][a-z-]*', word)}
    return found


@tap.test('manuals are without a warning of mandoc')
def lint():
    if not shutil.which('mandoc'):
        tap.skip('no mandoc here')
    for name in MANUALS:
        done = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning',
                               os.path.join(TOP, 'man', name)], capture_output=True, text=True)
        tap.equal(done.stdout + done.stderr, '', name)


@tap.test('ocsp_py.ini(5) has every key with its default, and no other')
def manual_keys():
    manual = {(short, key): text for section, short in
              (('db', 'db'), ('ocsp', 'ocsp'), ('admin', 'admin'), ('ca NAME', 'ca'))
              for key, text in keys_of_manual(section).items()}
    tap.equal(sorted(manual), sorted(keys_of_code()))
    rows = re.findall(r'^KEY_(\w+)\((\w+), \w+, [^,]+, [^,]+, [^,]+, "([^"]*)"',
                      read('src', 'conf-keys.def'), re.M)
    assert len(rows) > 15, rows
    for section, key, default in rows:
        assert re.search('Default: %s[.;]' % re.escape(default), manual[section.lower(), key]), key


@tap.test('the manual of each program has all its options and exit codes')
def manual_options():
    for program in PROGRAMS:
        page, told = MANUALS[program + '.8'], help_of(program)
        tap.equal(sorted(options_of(told) - options_of_manual(page)), [], program)
        codes = set(re.findall(r'(?<![\w.])(\d\d?)(?=,? )', told[told.index('Exit codes:'):]))
        assert len(codes) > 5, codes
        listed = {first.split()[0] for first in items(program + '.8', '.Sh EXIT STATUS')}
        tap.equal(sorted(codes - listed - {'2'}), [], program)


@tap.test('ocspctl(8) has every verb with its options')
def manual_verbs():
    page = MANUALS['ocspctl.8']
    entries = {e.split()[2]: e for e in re.split(r'^(?=\.It Cm )', page, flags=re.M)[1:]}
    tap.equal(sorted(entries), sorted(verbs_of_help()))
    for verb, text in entries.items():
        told = options_of(help_of('ocspctl', verb).split('Exit codes:')[0])
        text = re.split(r'^\.(?:El|Ss|Sh)', text, flags=re.M)[0]
        tap.equal(sorted(told - options_of_manual(text)), [], verb)
        # "Fl -json | csv" shows as "--json | -csv"
        head = text.split('\n', 1)[0]
        assert not re.search(r' Fl \S+ \| (?!-|Fl |Ar )', head), head


@tap.test('manuals and units name only manuals that there are')
def manual_links():
    ours = {tuple(name.rsplit('.', 1)) for name in MANUALS}
    text = ''.join(MANUALS.values())
    linked = {(n, s) for n, s in re.findall(r'^\.Xr (\S+) (\d)', text, re.M) if 'ocsp' in n}
    for unit in os.listdir(os.path.join(TOP, 'units')):
        linked |= set(re.findall(r'man:([\w.-]+)\((\d)\)', read('units', unit)))
    tap.equal(sorted(linked - ours - {('openssl-ocsp', '1')}), [])


@tap.test('ocsp-units(7) names every unit')
def manual_units():
    for name in os.listdir(os.path.join(TOP, 'units')):
        if name.endswith(('.service', '.socket', '.timer')):
            assert re.search(r'^\.(It Pa|Nm) .*%s' % re.escape(name), MANUALS['ocsp-units.7'],
                             re.M), name


@tap.test('no unit has systemd give cache or database to its user')
def unit_folders():
    # with signuser= they are another's, and systemd would give away all that lies in them
    for folder in ('units', 'docs/examples'):
        for name in os.listdir(os.path.join(TOP, folder)):
            if name.endswith('.service'):
                assert not re.search(r'^(Cache|State)Directory=.*\bocsp_py\b', read(folder, name),
                                     re.M), name


def complete(*words):
    """What bash offers for the last of these words."""
    script = ('PATH=%s:$PATH; . %s/etc/completion/ocspctl; COMP_WORDS=("$@");'
              'COMP_CWORD=$(($# - 1)); _ocsp_words "$1"; printf "%%s\\n" "${COMPREPLY[@]}"'
              % (shlex.quote(BUILD), shlex.quote(TOP)))
    done = subprocess.run(['bash', '-c', script, 'bash', *words], capture_output=True, text=True)
    tap.equal(done.stderr, '')
    return set(done.stdout.split())


@tap.test('bash completes every verb and every option')
def completion():
    verbs = set(verbs_of_help())
    tap.equal(complete('ocspctl', ''), verbs)
    tap.equal(complete('ocspctl', '-c', 'x.ini', 'che'), {'check'})
    tap.equal(complete('ocspctl', '--defaults-file', '=', 'x', '--ca', 'y', 'che'), {'check'})
    for program in PROGRAMS:
        tap.equal(complete(program, '-'), options_of(help_of(program)) - {'-'}, program)
    for verb in verbs:
        told = {o for o in options_of(help_of('ocspctl', verb)) if o.startswith('--')}
        tap.equal({o for o in complete('ocspctl', verb, '--')}, told, verb)
    tap.contains(complete('ocspctl', 'revoke', '--reason', '=', 'key'), 'key_compromise')
    tap.equal(complete('ocspctl', 'revoke', '--reason', 'sup'), {'superseded'})
    tap.equal(complete('ocspctl', 'list', '--status', '=', ''), {'valid', 'revoked', 'odd'})


tap.run()
