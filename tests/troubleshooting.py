#!/usr/bin/python3
"""docs/troubleshooting.md has an entry for every message that the programs can log at WARNING or
above, and none for a message that there is not."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import tap

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join('docs', 'troubleshooting.md')

# What is told to the operator who has typed a command, and not logged.
OPERATOR = re.compile(r'(ctl(?!-watch)|check|report|explain|import|crl|index-txt|mycnf|metrics|json|lint|'
                      r'progress|presign|ocspctl|cache-walk|store-facts|store-write|store-\w+-write|'
                      r'unit-file)\b.*\.c$')
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
# A format: literals, with macros between them.
FORMAT = re.compile(r'%s(?:\s*(?:%s|[A-Z][A-Z0-9_]+\b))*' % (LITERAL, LITERAL))
# Functions whose text is logged, or is a part of what is.
SAYING = re.compile(r'\b(log_warning|log_error|log_critical|log_event|store_fail|conf_fail|'
                    r'fail_here|failed|refuse|missing)\s*\((?!const|struct|void)')
LEVELLED = re.compile(r'\b(?:ask_say|say)\s*\([^;"]*?LEVEL_(?:WARNING|ERROR|CRITICAL)\b')
FAILING = re.compile(r'\bask_fail\s*\(\s*\w+,\s*(E_\w+|e),')
WRITING = re.compile(r'\bsnprintf\s*\(\s*(?:error|why|sentence|clause|warning|out->error|'
                     r's->error)\b,[^,]+,')
# Clauses that others are made of.
CLAUSES = re.compile(r'(?:\*odd|->odd_\w+) =|\bSIGNER_\w+,(?=\s*")|\breturn(?=\s*"(?:is|belongs|was|does)\b)')
# Not logged, or at INFO.
QUIET = ('answered', 'answered … at once')


def read(*path):
    with open(os.path.join(TOP, *path)) as f:
        return f.read()


def loud_errors():
    """The errors that are logged at WARNING or above."""
    table = re.findall(r'\[(E_\w+)\] = \{ "[^"]*", \d+, \w+, LEVEL_(\w+),', read('src', 'error.c'))
    assert len(table) > 20, table
    return {name for name, level in table if level in ('WARNING', 'ERROR', 'CRITICAL')}


def as_text(literals):
    """A format as a reader sees it: "…" where a value stands."""
    text = ''
    for literal, macro in re.findall(r'"((?:[^"\\]|\\.)*)"|([A-Z][A-Z0-9_]+)', literals):
        text += '…' if macro else re.sub(r'%[-0-9.*]*(?:ll|z)?[a-z]', '…', literal)
    return re.sub(r'…+', '…', re.sub(r'\\(.)', r'\1', text)).strip()


def statement(text, start):
    """From here to the semicolon that ends it."""
    return re.compile(r'(?:%s|[^";])*' % LITERAL).match(text, start).group()


def messages_of(name, loud):
    text = re.sub(r'/\*.*?\*/', '', read('src', name), flags=re.S)
    for pattern in (SAYING, LEVELLED, FAILING, WRITING, CLAUSES):
        for found in pattern.finditer(text):
            rest = statement(text, found.end())
            # an error that isn't named here may be a loud one
            if pattern is FAILING and found.group(1) not in loud | {'e'}:
                continue
            literals = FORMAT.findall(rest)
            for literal in literals if pattern is CLAUSES else literals[:1]:
                yield as_text(literal)


def messages():
    """{message: file}"""
    loud, found = loud_errors(), {}
    for name in sorted(os.listdir(os.path.join(TOP, 'src'))):
        if name.endswith('.c') and not OPERATOR.match(name):
            found.update((m, name) for m in messages_of(name, loud))
    return {m: name for m, name in found.items()
            if ' ' in m and re.search('[a-z]{3}', m) and m not in QUIET}


def entries():
    """The first column of the tables of messages."""
    part = read(PAGE).split('## What the log says')[1]
    return re.findall(r'^\| `(.+?)` \| ', part, re.M)


@tap.test('each message of WARNING and above has its entry in docs/troubleshooting.md')
def complete():
    code, page = messages(), entries()
    assert len(code) > 100, len(code)
    tap.equal(['%s: %s' % (name, m) for m, name in code.items() if m not in page], [])


@tap.test('and each entry is a message, once')
def no_others():
    code, page = messages(), entries()
    tap.equal([m for m in page if m not in code], [])
    tap.equal([m for m in set(page) if page.count(m) > 1], [])


@tap.test('an entry says more than the message')
def with_a_mend():
    for line in re.findall(r'^\| `.*$', read(PAGE), re.M):
        assert len(line.rstrip(' |').split(' | ')[-1]) > 5, line


tap.run()
