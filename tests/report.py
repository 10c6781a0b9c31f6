#!/usr/bin/python3
"""ocspctl report: one page with all in it, and nothing from elsewhere."""
import html.parser
import os
import re
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import pki
import tap
from responder import Responder, needs_sqlite

VOID = {'meta'}
HOSTILE = '<script>alert(1)</script>'

r = Responder()
now = pki.now()
# (age in days, validity in days, row)
for days, validity, row in ((0, 90, {}), (3, 5, {}), (40, 397, {}), (100, 90, {}), (800, 900, {}),
                            (200, 397, {'reason': 'key_compromise'}), (200, 397, {'reason': None})):
    start = now - days * pki.DAY - pki.DAY / 24
    leaf = r.ca.issue('leaf', start=start, end=start + validity * pki.DAY)
    if row:
        row.update(status='Revoked', when=(now - 2 * pki.DAY).strftime('%Y-%m-%d %H:%M:%S'))
    r.add(leaf, **row)


class Page(html.parser.HTMLParser):
    """A page, taken apart: it has to be closed as it was opened."""

    def __init__(self, text):
        super().__init__()
        self.text, self.open, self.tags, self.attributes, self.words = text, [], [], [], []
        self.feed(text)
        self.close()
        tap.equal(self.open, [])

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        tap.equal(self.open.pop(), tag, self.text[-200:])

    def handle_data(self, data):
        if self.open and self.open[-1] not in ('style', 'title'):
            self.words.append(data.strip())

    def rows(self):
        return [w for w in self.words if w]


def report(*args, code=0):
    done = r.ctl('report', *args)
    tap.equal(done.returncode, code, done.stderr.decode())
    return Page(done.stdout.decode()) if not code and '--output' not in args else done


def after(page, label):
    words = page.rows()
    return words[words.index(label) + 1]


@tap.test('the page is well-formed HTML, without script, without anything from elsewhere')
def alone():
    page = report()
    assert page.text.startswith('<!DOCTYPE html>')
    for tag in ('script', 'link', 'img', 'iframe', 'object', 'form', 'a'):
        assert tag not in page.tags, tag
    names = {name for name, _ in page.attributes}
    assert not names & {'src', 'href', 'srcset', 'action', 'onload', 'onclick'}, names
    assert 'url(' not in page.text and '@import' not in page.text
    assert not re.search(r'https?://', page.text)
    tap.contains(page.text, "default-src 'none'")


@tap.test('light, dark and narrow have their rules')
def rules():
    text = report().text
    for part in ('prefers-color-scheme:dark', 'width=device-width', 'max-width:34rem'):
        tap.contains(text, part)


@tap.test('certificates are counted by status, reason and time')
def counts():
    page = report()
    for label, number in (('valid', '4'), ('expired', '1'), ('revoked', '2'),
                          ('key compromise', '1'), ('no reason', '1'), ('in 7 days', '1'),
                          ('in 30 days', '1'), ('in 90 days', '2')):
        tap.equal(after(page, label), number, label)
    # two of the last 31 days; five more in 24 months, one before
    tap.contains(page.text, 'at most 1, in all 2<')
    tap.contains(page.text, 'in all 6<')
    tap.contains(page.text, 'Before that: 1 issued, 0 revoked')


@tap.test('before anything was asked there is a page as well')
def fresh():
    page = report()
    # but that the check asks once
    with r.configured(cache='work/none', metrics='work/no-counters'):
        words = report('--no-check').rows()
    assert 'There is no cache yet.' in words, words
    assert any(w.startswith('Nothing was counted yet') for w in words)
    assert 'Findings of the check' not in words and 'Findings of the check' in page.rows()


@tap.test('answers in the cache, by age and end; hits and times of requests')
def cache():
    r.clear_cache()
    leaf = r.add(r.ca.issue('asked'))
    for _ in range(4):
        r.ask_about(leaf)
    page = report('--no-check')
    words = page.rows()
    tap.equal(words[words.index('By age') + 1:][:2], ['\u2264\u00a01\u00a0min', '1'])
    tap.equal(words[words.index('By the time until they end') + 1:][:2],
              ['\u2264\u00a01\u00a0d', '1'])
    tap.equal(after(page, 'hit'), '3')
    tap.equal(after(page, 'miss'), '1')
    tap.contains(page.text, '75.0\u00a0%')


@tap.test('garbage in the cache is counted, and nothing is followed out of it')
def garbage():
    folder = os.path.dirname(r.cache_files()[0])
    with open(os.path.join(folder, 'bad.der'), 'wb') as f:
        f.write(b'\x30\x80')
    os.symlink('/etc/passwd', os.path.join(folder, 'link.der'))
    os.symlink('/', os.path.join(os.path.dirname(folder), 'out'))
    tap.contains(report('--no-check').text, '2 files can&#39;t be read')


@tap.test('what has to be mended stands first, and a database that is down is told')
def findings():
    needs_sqlite()
    r.database.stop()
    try:
        page = report()
    finally:
        r.database.start()
    words = page.rows()
    tap.equal(words[words.index('Findings of the check') + 1], 'error')
    assert words.index('error') < words.index('ok')
    assert sum('certs.db' in w for w in words) >= 2, words


@tap.test('names that others have chosen are text and nothing else')
def hostile():
    ca = pki.make_root(HOSTILE)
    responder = ca.issue_responder()
    for name, octets in (('evil.pem', ca.pem()), ('evil-r.pem', responder.pem()),
                         ('evil-r.key', responder.key_pem())):
        r.write(name, octets)
    with r.configured(cert='evil-r.pem', pkey='evil-r.key', issuer='evil.pem'):
        page = report()
    assert 'script' not in page.tags
    assert any(HOSTILE in w for w in page.rows()), page.rows()


@tap.test('--output puts the page there whole, with root\'s rights and not the responder\'s')
def output():
    folder = r.folder('root-only', mine=False)
    path = os.path.join(folder, 'report.html')
    tap.equal(report('--output', path).stdout, b'')
    tap.equal(stat.S_IMODE(os.stat(path).st_mode), 0o644)
    with open(path) as f:
        Page(f.read())
    tap.equal(os.listdir(folder), ['report.html'])
    tap.equal(r.ctl('report', '--output', '/nonexistent/x').returncode, 74)
    tap.equal(r.ctl('report', 'x').returncode, 64)


tap.run(r.close)
