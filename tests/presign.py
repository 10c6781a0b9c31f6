#!/usr/bin/python3
"""ocspctl presign: what it signs, what it leaves, beside live traffic, interrupted, and its words."""
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import bulk
import ocsp
import pki
import tap
from responder import Responder, children_of, needs_sqlite, stores, wait_for

KEYS = dict(recheck='60', producetime='1d')
r = Responder(**KEYS)
N = 600
serials = bulk.fill(r, bulk.rows(r.ca, N))


def presign(*args, code=0, who=r):
    done = who.ctl('presign', *args)
    out = (done.stdout + done.stderr).decode()
    tap.equal(done.returncode, code, out)
    return out


def counts(out):
    """(signed, fresh, left out, failed)"""
    found = re.search(r'^(\S+) signed, (\S+) fresh already, (\S+) left out .*, (\S+) failed', out,
                      re.M)
    return tuple(int(number.replace(',', '')) for number in found.groups())


def answers():
    return {path: open(path, 'rb').read() for path in r.cache_files()}


def mend(path, **times):
    """Replaces an answer by one with other times, agreed with long ago."""
    with open(path, 'rb') as f:
        serial = ocsp.Response(f.read()).singles[0].serial
    leaf = r.ca.issue('again', serial=serial)
    with open(path, 'wb') as f:
        f.write(r.ca.answer(leaf, **times))
    os.utime(path, (1, 1))


@tap.test('every certificate of the table, on all cores: each answer as good as a live one')
def all_of_them():
    r.clear_cache()
    tap.equal(counts(presign('--jobs', '3')), (N, 0, 0, 0))
    files = answers()
    tap.equal(len(files), N)
    for octets in list(files.values())[:50]:
        response = ocsp.Response(octets)
        certid = [r.certid(response.singles[0].serial)]
        tap.equal(response.faults(r.ca.certificate, certid), [])
        tap.equal(str(response), 'good')
    with r.configured(keep_cache=True, signer='/nonexistent'):
        tap.equal(str(r.ask(r.request(serials[7]))), 'good', 'a hit')
    for base, _, names in os.walk(r.path('cache')):
        for name in names:
            tap.equal(os.stat(os.path.join(base, name)).st_uid, r.account.pw_uid)


@tap.test('done again it signs nothing, but says that all is agreed')
def again():
    before = answers()
    for path in before:
        os.utime(path, (1, 1))
    tap.equal(counts(presign()), (0, N, 0, 0))
    tap.equal(answers(), before)
    assert min(os.stat(p).st_mtime for p in before) > time.time() - 60


@tap.test('what has changed, is due, has ended or is no answer is signed; the rest stays')
def some():
    before = answers()
    changed, due, ended, broken = sorted(before)[:4]
    with open(changed, 'rb') as f:
        serial = ocsp.Response(f.read()).singles[0].serial
    r.sql("UPDATE list_certs SET status = 'Revoked', revocation_time = '2026-01-02 03:04:05'"
          " WHERE cert_num = '%#x'" % serial)
    os.utime(changed, (1, 1))
    mend(due, start=pki.now() - pki.DAY, end=pki.now() + pki.DAY / 2)
    mend(ended, start=pki.now() - 2 * pki.DAY, end=pki.now() - pki.DAY)
    with open(broken, 'wb') as f:
        f.write(b'rubbish')
    try:
        tap.equal(counts(presign())[:2], (4, N - 4))
        after = answers()
        tap.equal({p for p in after if after[p] != before[p]}, {changed, due, ended, broken})
        tap.equal(str(ocsp.Response(after[changed])), 'revoked')
    finally:
        r.sql("UPDATE list_certs SET status = 'Valid', revocation_time = NULL")


@tap.test('--expiring: what is cached and ends soon, and nothing else')
def expiring():
    r.clear_cache()
    for serial in serials[:5]:
        tap.equal(str(r.ask(r.request(serial))), 'good')
    tap.equal(str(r.ask(r.request(serials[5], algorithm='sha256'))), 'good')
    tap.equal(counts(presign('--expiring', '6h')), (0, 6, 0, 0))
    tap.equal(counts(presign('--expiring', '1d')), (6, 0, 0, 0))
    tap.equal(len(answers()), 6)
    presign('--expiring', 'soon', code=64)
    presign('--expiring', '6h', '--all', code=64)


@tap.test('--hash: for whom other CertIDs are asked')
def hashes():
    r.clear_cache()
    tap.equal(counts(presign('--hash', 'sha256', '--hash', 'sha1'))[0], 2 * N)
    presign('--hash', 'md5', code=64)
    presign('--jobs', '0', code=64)


@tap.test('certificates that have ended or are of another CA are left out, odd rows are told')
def odd_rows():
    r.clear_cache()
    other = pki.make_root('Other')
    before = r.sql('SELECT COUNT(*) FROM list_certs')[0][0]
    end = pki.now() - pki.DAY
    r.add(r.ca.issue('late', serial=1, start=end - pki.DAY, end=end))
    r.add(other.issue('foreign', serial=2))
    r.insert('0x3', certificate=b'')
    r.insert('no number', certificate=b'x')
    try:
        out = presign(code=1)
        tap.equal(counts(out), (N, 0, 3, 1))
        tap.contains(out, 'row 0x3 of table list_certs has no certificate')
    finally:
        r.sql("DELETE FROM list_certs WHERE cert_num IN ('0x1','0x2','0x3','no number')")
    tap.equal(r.sql('SELECT COUNT(*) FROM list_certs')[0][0], before)


@tap.test('what is odd in the cache is told, whichever process meets it')
def odd_files():
    r.clear_cache()
    presign()
    for path in r.cache_files()[:16]:
        with open(path, 'wb') as f:
            f.write(b'rubbish')
    out = presign('--jobs', '5')
    tap.equal(out.count('is no OCSPResponse'), 16, out)


@tap.test('of two rows of one serial the revoked one counts, however the two are spelt')
def twins():
    with Responder(ca=r.ca, **KEYS) as t:
        leaves = [r.ca.issue('twin', serial=0xa0 + i) for i in range(4)]
        forms = ['0x00%x', '0x0%x', '0x%X', '0X%X']
        if t.db.get('type') != 'sqlite':
            forms[2:] = forms[:2]       # upper case is the same key there
        for i, odd in enumerate(forms):
            revoked = {'status': 'Revoked', 'when': '2024-01-02 03:04:05'}
            # which of the two is revoked
            t.insert(odd % (0xa0 + i), certificate=leaves[i].pem(), **revoked if i % 2 else {})
            t.insert('0x%x' % (0xa0 + i), certificate=leaves[i].pem(),
                     **{} if i % 2 else revoked)
        presign(who=t)
        with t.configured(keep_cache=True, signer='/nonexistent'):
            tap.equal([str(t.ask(t.request(leaf))) for leaf in leaves], ['revoked'] * 4)


@tap.test('where a key is not unique, its rows are not parted by the end of what is read at once')
def page_ends():
    needs_sqlite()
    page = 128
    with Responder(store='sqlite', verify='no', **KEYS) as t:
        t.sql('CREATE TABLE again AS SELECT * FROM list_certs')
        t.sql('CREATE INDEX again_key ON again (cert_num)')
        values = ["('%#x', NULL, NULL, '', 'Valid')" % (0x1000 + i) for i in range(page + 20)]
        twice = 0x1000 + page - 1
        values.insert(page, "('%#x', '2024-01-02 03:04:05', NULL, '', 'Revoked')" % twice)
        t.sql('INSERT INTO again (cert_num, revocation_time, revocation_reason, cert, status)'
              ' VALUES ' + ','.join(values))
        with t.configured(db={'table': 'again'}, keep_cache=True):
            presign('--jobs', '1', who=t)
            tap.equal(len(t.cache_files()), page + 20)
            with t.configured(keep_cache=True, signer='/nonexistent'):
                leaf = t.ca.issue('twice', serial=twice)
                tap.equal(str(t.ask(t.request(leaf))), 'revoked')
            # more of one key than are read at once: an error, and not an endless loop
            t.sql("UPDATE again SET cert_num = '%#x'" % twice)
            tap.contains(presign(who=t, code=65), 'too many rows with one cert_num')


@tap.test('interrupted it ends at once, and goes on when it is started again')
def interrupted():
    r.clear_cache()
    for sign in (signal.SIGTERM, signal.SIGKILL):
        child = r.start('ocspctl', 'presign', '--jobs', '1')
        while not r.cache_files():
            time.sleep(0.002)
        child.send_signal(sign)
        child.wait(10)
        assert child.returncode != 0
    time.sleep(0.3)
    have = len(r.cache_files())
    assert 0 < have < N, have
    out = presign()
    signed, fresh, _, _ = counts(out)
    tap.equal((signed + fresh, fresh), (N, have))


@tap.test('beside live traffic: nobody sees anything but a sound answer, revoked stays revoked')
def beside_traffic():
    r.clear_cache()
    victim = serials[N // 2]
    seen, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            seen.append((time.monotonic(), str(r.ask(r.request(victim)))))

    with r.configured(keep_cache=True, recheck='0'):
        thread = threading.Thread(target=ask)
        thread.start()
        for i in range(6):
            if i == 2:
                r.sql("UPDATE list_certs SET status = 'Revoked', revocation_time ="
                      " '2026-01-02 03:04:05' WHERE cert_num = '%#x'" % victim)
                revoked_at = time.monotonic()
            presign('--expiring' if i % 2 else '--all', *(['1d'] if i % 2 else []))
        time.sleep(1)
        stop.set()
        thread.join()
    r.sql("UPDATE list_certs SET status = 'Valid', revocation_time = NULL")
    late = [s for t, s in seen if t > revoked_at + 0.5]
    tap.equal(set(s for _, s in seen) | {'good', 'revoked'}, {'good', 'revoked'})
    tap.equal(set(late), {'revoked'})


@tap.test('a revoked row counts before a valid one of the same serial in another form')
def twins():
    for kind in stores():
        with Responder(store=kind, **KEYS) as other:
            leaf = other.add(other.ca.issue('twice', serial=0xabc123))
            other.insert('0x0abc123', 'Revoked', '2026-01-02 03:04:05', 'superseded', leaf.pem())
            for _ in range(2):
                presign('--jobs', '1', who=other)
                tap.equal(str(other.ask_about(leaf)), 'revoked(4)', kind)


@tap.test('slower than the table changes: no row counts for later than it was read')
def slow():
    with Responder(ca=pki.make_root('Slow', 'rsa4096'), verify='no', **KEYS) as other:
        for i in range(100):
            other.insert(hex(0x1000000 + i))
        child = other.start('ocspctl', 'presign', '--jobs', '1', stdout=subprocess.DEVNULL)
        wait_for(other.cache_files, 'the first answer')
        workers = children_of(child.pid)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        other.sql("UPDATE list_certs SET status = 'Revoked', revocation_time ="
                  " '2026-01-02 03:04:05'")
        changed = time.time()
        time.sleep(1)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        tap.equal(child.wait(60), 0)
        for path in other.cache_files():
            with open(path, 'rb') as f:
                status = str(ocsp.Response(f.read()))
            assert status == 'revoked' or os.stat(path).st_mtime < changed, path
        tap.equal(len(other.cache_files()), 100)


@tap.test('the database fails: exit code 75, a sentence, and what was signed stays')
def no_database():
    r.database.stop()
    try:
        out = presign(code=75)
        tap.contains(out, 'start it again')
    finally:
        r.database.start()


@tap.test('a cache that cannot be written: exit code 74')
def no_cache():
    with r.configured(cache='/proc/nowhere'):
        presign(code=74)


@tap.test('on a terminal: a bar with rate and time left')
def bar():
    r.clear_cache()
    ours, theirs = pty.openpty()
    child = r.start('ocspctl', 'presign', '--jobs', '1', stdout=theirs)
    os.close(theirs)
    out = b''
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        out += chunk
    tap.equal(child.wait(), 0)
    tap.contains(out.decode(), '[')
    tap.contains(out.decode(), '%d signed' % N)


@tap.test('MariaDB: the same, page by page, whatever the cert_num looks like')
def mysql():
    if 'mysql' not in stores():
        tap.skip('no MariaDB')
    with Responder(ca=r.ca, store='mysql', **KEYS) as m:
        bulk.fill(m, bulk.rows(r.ca, N))
        leaf = r.ca.issue('upper', serial=0xabcdef)
        m.insert('0X00ABCDEF', certificate=leaf.pem())
        tap.equal(counts(presign(who=m)), (N + 1, 0, 0, 0))
        tap.equal(counts(presign(who=m)), (0, N + 1, 0, 0))
        with m.configured(keep_cache=True, signer='/nonexistent'):
            tap.equal(str(m.ask(m.request(leaf))), 'good')


tap.run(r.close)
