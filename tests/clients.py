#!/usr/bin/python3
"""Other people's software asks, as Debian packages it, under each launcher: each finds a good
certificate good, a revoked one revoked, and one that isn't in the table neither.

"make check" runs what is installed, under --listen, and openssl under the others; with
OCSP_TEST_ALL=yes all of them under all, and what is missing is named.

    builddir=BUILD tests/clients.py --write     all of them, and writes docs/clients.md
    builddir=BUILD tests/clients.py --write NAME…   those, and writes their rows
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, 'lib'), os.path.join(HERE, 'clients')]

import tap
from responder import LONG

WRITE, ONLY = sys.argv[1:2] == ['--write'], []
if WRITE:
    ONLY, sys.argv[1:] = sys.argv[2:], []

import common
import launchers
# which register their clients
import asking   # noqa
import firefox  # noqa
import serving  # noqa
import beyond   # noqa

PAGE = os.path.join(os.path.dirname(HERE), 'docs', 'clients.md')
ALL = LONG or WRITE
COLUMNS = {'accept': '`ocsp.socket`', 'listen': '`--listen`', 'xinetd': 'xinetd'}
SIGNERS = {False: 'the CA signs', True: 'a delegated responder signs (L-7)'}
results = {}    # (client, launcher): what each signer led to
for name in ONLY:
    if name not in [c.name for c in common.CLIENTS]:
        common.r.close()
        sys.exit('no client is called ' + name)

HEAD = '''# Clients

Other people's software, as Debian 12 packages it, that asks this responder, or staples what it says:
under each launcher, with the CA itself signing and with a delegated responder. Each found a good
certificate good, a revoked one revoked, and one that isn't in the table neither. Written by

    tests/clients.py --write

| client | version | under {columns} | what it needs of you |
| --- | --- | {lines} | --- |
'''
TAIL = '''
"yes" is both ways of signing. For `ocsp.socket` stands `systemd-socket-activate --accept --inetd`;
the units themselves run under a systemd of their own in `tests/system-systemd.sh`.

Not in the table: mbed TLS has no OCSP client. Python's `ssl` and Node ask nobody (Node staples what
it is given). Chromium's way to join URL and request (`//`) is in `tests/http-rules.py`. curl takes
staples, and has checked each one here. Postfix, Dovecot, sendmail, OpenLDAP, PostgreSQL and Squid
neither ask nor staple, as Debian 12 builds them, and OpenVPN leaves it to a script
(`--tls-verify`). Mosquitto takes staples, and `pen` has them from a file: neither was tried.
'''


def version_of(packages):
    """Of the first package, as Debian has it."""
    package = packages.split()[0]
    done = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', package], capture_output=True,
                          text=True)
    return done.stdout.split(':')[-1].split('-')[0].split('+')[0] or '-'


def chosen(launcher):
    if ONLY:
        return [c for c in common.CLIENTS if c.name in ONLY]
    if ALL:
        return common.CLIENTS
    if launcher == 'listen':
        return [c for c in common.CLIENTS if not c.missing and not c.slow]
    return [c for c in common.CLIENTS if c.name == 'OpenSSL']


class Stage:
    """The launcher that runs just now, and who signs."""

    def __init__(self):
        self.launcher = self.running = self.signing = None

    def be(self, launcher, delegated, send_cert):
        signing = delegated, send_cert and not delegated
        if signing != self.signing:
            common.delegate() if delegated else common.delegate_no_more(send_cert)
            self.signing = signing
        if launcher == self.launcher:
            return
        self.end()
        running = launchers.launched(launcher, common.r, common.PORT)
        running.__enter__()
        self.launcher, self.running = launcher, running

    def end(self):
        if self.running:
            self.running.__exit__(None, None, None)
        self.launcher = self.running = None


stage = Stage()


def run(client, launcher, delegated):
    word = 'no'
    try:
        stage.be(launcher, delegated, client.send_cert)
        client.run()
        word = 'yes'
    except tap.Skip:
        word = '-'
        raise
    finally:
        results.setdefault((client.name, launcher), []).append(word)


def word_for(name, launcher):
    words = results.get((name, launcher), ['-'])
    return words[0] if len(set(words)) == 1 else ', '.join(words)


def rows_now():
    """{name: row} of the page as it is."""
    with open(PAGE) as f:
        rows = [line for line in f if line.startswith('| ')][2:]
    return {row.strip('|\n').split(' | ')[0].strip(): row for row in rows}


def write_page():
    text = HEAD.format(columns=' | '.join(COLUMNS.values()), lines=' | '.join('---' for _ in COLUMNS))
    before = rows_now() if ONLY else {}
    for client in common.CLIENTS:
        if ONLY and client.name not in ONLY:
            text += before.get(client.name, '')
            continue
        text += '| %s | %s | %s | %s |\n' % (
            client.name, version_of(client.packages),
            ' | '.join(word_for(client.name, n) for n in COLUMNS), client.needs)
    with open(PAGE, 'w') as f:
        f.write(text + TAIL)


@tap.test('docs/clients.md has a row for each client, in which nothing failed')
def page():
    if WRITE:
        tap.skip('it is about to be written')
    rows = rows_now()
    tap.equal(list(rows), [c.name for c in common.CLIENTS])
    for name, row in rows.items():
        tap.equal(row.split(' | ')[2:5], ['yes'] * 3, name)


for launcher in COLUMNS:
    for delegated in SIGNERS:
        for client in chosen(launcher):
            tap.add('%s, %s, %s' % (client.title, launcher, SIGNERS[delegated]), run, client, launcher,
                    delegated)


def close():
    if WRITE:
        write_page()
    stage.end()
    common.r.close()


tap.run(close)
