#!/usr/bin/python3
"""Every command in README.md and docs/*.md is run, in order, as root on a machine of its own.

How to write a page so that this test runs it:

  ```sh         a block of commands. Run by bash -e; it has to end with status 0.
  ```console    lines that begin with "# " or "$ " are commands; what stands below each is all that
                it prints, standard error too. "…" stands for any text within a line, and a line of
                nothing else for any number of lines.
  ```text, ```ini, ```sql …    are not commands: never run.

Each page has a machine (tests/lib/host.py: what is installed, what lies in /root/pki, which host
names there are; begin with "systemctl start mariadb" for a database). It has no network but
loopback. From one block to the next the folder, variables and functions stay, as in a reader's
shell, which begins in /root. Above a block may stand, as a comment of HTML:

  <!-- not run: REASON -->      what can't be run here, e.g. because it belongs on another host. Such
                                blocks are no tests, but counted, and there may be few
  <!-- needs: PROGRAM … -->     skipped where one of these programs is not installed
  <!-- slow -->                 only run with OCSP_TEST_ALL ("scripts/test --all")

and anywhere, for what a reader has done already or sees happen:

  <!-- run
  COMMANDS
  -->

  <!-- start: running -->       first of all: MariaDB runs and has the table of /root/pki's leaf.pem
                                and second.pem (third.pem is not in it), config.ini is written, and
                                ocsp.socket is started: the state at the end of operations.md, day 1

    builddir=BUILD tests/guides.py operations     only the tests that are named like this
"""
import concurrent.futures
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import host
import mariadb
import tap
from responder import LONG

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN = ('sh', 'console')
NOT_COMMANDS = ('text', 'ini', 'sql', 'nginx', 'haproxy', 'json', 'yaml', 'c', 'diff')
COMMENT = re.compile(r'<!-- (not run|needs|slow|start|run\b)(?:: *)?(.*?) *-->', re.S)
TOKEN = re.compile(r'^```(?P<kind>\S*) *\n(?P<text>.*?)^``` *$|' + COMMENT.pattern, re.S | re.M)

# What operations.md, day 1, has come to at its end.
RUNNING = r'''
systemctl start mariadb
mariadb -e "CREATE DATABASE certs; CREATE USER pycert@localhost IDENTIFIED BY 'secret';
            GRANT SELECT ON certs.* TO pycert@localhost;"
install -m 0644 /root/pki/it_cert.crt /root/pki/root.crt /etc/ocsp_py/
install -m 0640 -g pycert /root/pki/it_cert.key /etc/ocsp_py/
cat > /etc/ocsp_py/config.ini <<END
[db]
socket=/run/mysqld/mysqld.sock
db=certs
username=pycert
password=secret
[ocsp]
cert=it_cert.crt
pkey=it_cert.key
END
printf '[client]\nuser=root\n' > /root/ca.cnf
chmod 600 /root/ca.cnf
ocspctl setup
ocspctl --defaults-file /root/ca.cnf init-db
ocspctl --defaults-file /root/ca.cnf add /root/pki/leaf.pem /root/pki/second.pem
systemctl start ocsp.socket
'''

# Around each block: what a shell would remember goes into a file, and comes from there.
SHELL = '''state=/run/guide; [ ! -f $state ] || . $state
remember() {
    declare -f
    export -p | grep -v -E ' (SHELLOPTS|BASHOPTS)='
    printf 'cd %%q\\n' "$PWD"
}
trap 'remember > $state' EXIT
set -a -e -o pipefail
%s'''


class Block:
    def __init__(self, page, line, kind, text, marks):
        self.page, self.line, self.kind, self.text, self.marks = page, line, kind, text, marks

    @property
    def hidden(self):
        return self.kind == 'run'

    def name(self):
        first = next((s for s in self.text.splitlines() if s.strip() and s[:2] != '##'), '')
        return '%s:%d: %s' % (self.page, self.line, first.strip()[:60].replace('#', '').strip())


def pages():
    docs = os.path.join(TOP, 'docs')
    return ['README.md'] + sorted('docs/' + n for n in os.listdir(docs) if n.endswith('.md'))


def read(page):
    with open(os.path.join(TOP, page)) as f:
        return f.read()


def blocks_of(page):
    """What a page says has to be run, with the marks that stand above it."""
    text, marks, end = read(page), {}, 0
    for found in TOKEN.finditer(text):
        line = text.count('\n', 0, found.start()) + 1
        if text[end:found.start()].strip():
            marks = {}      # of another block
        end = found.end()
        kind, mark = found.group('kind'), found.group(3)
        if mark == 'run':
            yield Block(page, line, 'run', found.group(4), {})
        elif mark == 'start':
            assert found.group(4) == 'running', '%s:%d: start: running' % (page, line)
            yield Block(page, line, 'run', RUNNING, {})
        elif mark:
            marks[mark] = found.group(4)
        else:
            if kind in RUN:
                yield Block(page, line, kind, found.group('text'), marks)
            marks = {}


def conversation(text):
    """(command, [line that it prints]) pairs of a console block."""
    found = []
    for line in text.splitlines():
        if line[:2] in ('# ', '$ '):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith('\\') and not found[-1][1]:
            found[-1] = (found[-1][0] + '\n' + line, [])
        else:
            found[-1][1].append(line)
    return found


def as_pattern(lines):
    """What is expected, as a regular expression for all of it."""
    parts = [r'(?:.*\n)*?' if line.strip() == '…' else
             '.*?'.join(map(re.escape, line.rstrip().split('…'))) + r'[ \t]*\n' for line in lines]
    return re.compile(''.join(parts) + r'\s*')


def run_block(machine, block):
    if block.kind != 'console':
        status, said = machine.run(SHELL % block.text)
        assert status == 0, 'exit status %d\n%s' % (status, said[-3000:])
        return
    for command, expected in conversation(block.text):
        _, said = machine.run(SHELL % ('set +e\n' + command))
        assert as_pattern(expected).fullmatch(said if said.endswith('\n') else said + '\n'), (
            '%s\nprinted:\n%s\nexpected:\n%s' % (command, said[-3000:], '\n'.join(expected)))


def missing(block):
    path = os.environ['PATH'] + ':/usr/sbin:/sbin'
    return [p for p in block.marks.get('needs', '').split() if not shutil.which(p, path=path)]


class Page:
    """One page's blocks, run on one machine. What they came to is told later, in order."""

    def __init__(self, name, blocks, files):
        self.name, self.blocks, self.files = name, blocks, files
        self.results = {}       # block: None, or what went wrong
        self.seconds = {}

    def run(self):
        try:
            with host.Host(self.files) as machine:
                for block in self.blocks:
                    self.results[block] = self._one(machine, block)
        except host.Unavailable as reason:
            self.results = {block: tap.Skip(str(reason)) for block in self.blocks}

    def _one(self, machine, block):
        if 'slow' in block.marks and not LONG:
            return tap.Skip('a slow one: OCSP_TEST_ALL')
        if missing(block):
            return tap.Skip('%s is not installed' % ', '.join(missing(block)))
        start = time.monotonic()
        try:
            run_block(machine, block)
        except Exception as failure:
            return failure
        finally:
            self.seconds[block] = time.monotonic() - start
        return None

    def tell(self, block):
        if block not in self.results:
            raise AssertionError('was not reached')
        if self.results[block]:
            raise self.results[block]
        if self.seconds[block] > 2:
            tap.note('the next took %.1f s' % self.seconds[block])


# --- the pages as such

@tap.test('each block in a page is of a kind that is known: none that has commands is passed over')
def kinds():
    for page in pages():
        for kind in re.findall(r'^```(.*)\n(?:.*\n)*?```', read(page), re.M):
            assert kind in RUN + NOT_COMMANDS, '%s: ```%s' % (page, kind)


def measuring():
    """Lines that stand indented and start a script of this project, with their page."""
    for page in pages():
        for line in re.findall(r'^    ((?:[A-Z_]+=\S+ )*(?:bench|fuzz|scripts|tests)/\S.*)$', read(page),
                               re.M):
            yield page, line.split(' #')[0].split()


@tap.test('what measures for minutes and is not run: script, options and variables are right')
def measures():
    for page, words in measuring():
        script = next(w for w in words if '=' not in w)
        path = os.path.join(TOP, script)
        if os.path.exists(path + '.c'):
            continue    # a program that is built for it
        assert os.access(path, os.X_OK), '%s: %s' % (page, script)
        text = read(script)
        for option in re.findall(r'--[a-z][a-z-]+', ' '.join(words)):
            tap.contains(text, option, '%s: %s' % (page, script))
        for variable in (w.split('=')[0] for w in words[:words.index(script)]):
            known = text + read('tests/lib/responder.py')
            assert re.search(r"\b%s\b" % variable, known), '%s: %s' % (page, variable)


@tap.test('what is not run has a reason, and is little')
def not_run():
    blocks = [b for page in pages() for b in blocks_of(page) if not b.hidden]
    left_out = [b for b in blocks if 'not run' in b.marks]
    for block in left_out:
        assert len(block.marks['not run']) > 10, block.name()
        tap.note('%s: %s' % (block.name(), block.marks['not run']))
    tap.note('%d of %d blocks are not run' % (len(left_out), len(blocks)))
    assert len(left_out) * 5 <= len(blocks), 'more than a fifth'


@tap.test('what a console block expects: text as it stands, … within a line, … for lines')
def patterns():
    for lines, text, fits in ((['a…c'], 'abc\n', True), (['a…c'], 'ab\nc\n', False),
                              (['a', '…', 'c'], 'a\nb\nb\nc\n', True), (['a.c'], 'abc\n', False),
                              (['a', '…'], 'a\n', True), (['a'], 'a\nb\n', False)):
        tap.equal(bool(as_pattern(lines).fullmatch(text)), fits, '%r %r' % (lines, text))
    tap.equal(conversation('# a \\\n  b\nx\n# c\n'), [('a \\\n  b', ['x']), ('c', [])])


def main():
    found = {page: list(blocks_of(page)) for page in pages()}
    words = sys.argv[1:]
    found = {page: blocks for page, blocks in found.items()
             if blocks and (not words or any(w in b.name() for w in words for b in blocks))}
    try:
        if not mariadb.available():
            raise host.Unavailable('no MariaDB server is installed')
        files = host.Files()
    except host.Unavailable as reason:
        for page in found:
            tap.add(page, tap.skip, str(reason))
        tap.run()
    runs = [Page(page, [b for b in blocks if 'not run' not in b.marks], files)
            for page, blocks in found.items()]
    pool = concurrent.futures.ThreadPoolExecutor(2)
    for page in runs:
        tap.add('%s: run from its beginning to its end' % page.name, pool.submit(page.run).result)
        for block in page.blocks:
            tap.add(block.name() + (' (hidden)' if block.hidden else ''), page.tell, block)

    def close():
        pool.shutdown(cancel_futures=True)
        files.remove()
    tap.run(close)


main()
