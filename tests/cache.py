#!/usr/bin/python3
"""The cache: where answers lie, when they may be sent, and what a stranger's file can do there."""
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import der
import ocsp
import pki
import tap
from responder import Responder, account

r = Responder(recheck='1')
leaf = r.add(r.ca.issue('leaf'))
other = r.add(r.ca.issue('other'))
# A signer that cannot be started: whatever is answered then comes from the cache.
NO_SIGNER = '/nonexistent/ocsp-sign'


def place(entity, algorithm='sha1', suffix='.der'):
    """The file of an answer, as docs/design.md has it: of a digest, 48 octets at the most."""
    cid = der.parse(r.certid(entity, algorithm))
    serial = '%x' % entity.serial
    serial = '0' * (len(serial) % 2) + serial
    folder = '%s-%s-%s' % (algorithm, cid[1].body[:48].hex(), cid[2].body[:48].hex())
    return r.path('cache', folder, serial[-2:], serial + suffix)


def fill(entity=leaf):
    """A fresh entry for a certificate. Returns its file."""
    r.clear_cache()
    r.clear_log()
    tap.equal(str(r.ask_about(entity)), 'good')
    assert os.path.isfile(place(entity)), place(entity)
    return place(entity)


def status(entity=leaf, **options):
    return str(r.ask_about(entity, **options))


def without_signer(recheck='60'):
    return r.configured(keep_cache=True, signer=NO_SIGNER, recheck=recheck)


def age(path, seconds):
    """Makes a file, and so the database's agreement with it, older (or newer)."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@tap.test('the file is named by the CertID, one bare DER answer, private')
def places():
    r.clear_cache()
    one = r.add(r.ca.issue('short', serial=0x7))
    for algorithm in ('sha1', 'sha256', 'sha384', 'sha512'):
        for entity in (leaf, one):
            answer = r.ask(r.request(entity, algorithm=algorithm))
            path = place(entity, algorithm)
            with open(path, 'rb') as f:
                tap.equal(f.read(), answer.der)
            tap.equal(os.stat(path).st_mode & 0o777, 0o640, 'the directory keeps others out')
    answer = r.ask(r.request(leaf, params=b''))
    with open(place(leaf, suffix='.np.der'), 'rb') as f:
        tap.equal(f.read(), answer.der, 'parameters absent: another CertID, another file (U-6)')
    done = subprocess.run(['openssl', 'ocsp', '-respin', place(leaf), '-noverify', '-resp_text'],
                          capture_output=True, text=True)
    tap.contains(done.stdout, 'Cert Status: good')


@tap.test('the directory is made when it is missing, mode 0700')
def made():
    shutil.rmtree(r.path('cache'))
    r.own(r.dir)
    try:
        status()
        tap.equal(os.stat(r.path('cache')).st_mode & 0o777, 0o700)
        tap.equal(os.stat(r.path('cache')).st_uid, account().pw_uid)
        assert os.path.isfile(place(leaf))
    finally:
        os.chown(r.dir, os.getuid(), os.getgid())


@tap.test('no folder is made for an issuer that is not ours')
def strangers():
    r.clear_cache()
    stranger = pki.make_root('Stranger').certificate
    tap.equal(r.ask(ocsp.request(ocsp.certid(stranger, 1))).status, 'unauthorized')
    tap.equal([n for n in os.listdir(r.path('cache')) if not n.startswith('.')], [])


@tap.test('a serial that is not in the table leaves no file')
def not_issued():
    r.clear_cache()
    for serial in range(0x100, 0x110):
        tap.equal(r.ask(r.request(serial)).status, 'unauthorized')
    tap.equal(r.cache_files(), [])


@tap.test('a hit needs no ocsp-sign, and is the very same octets')
def hit():
    path = fill()
    with open(path, 'rb') as f:
        octets = f.read()
    with without_signer():
        tap.equal(r.ask(r.request(leaf)).der, octets)
        tap.equal(r.ask(r.request(other)).status, 'tryLater', 'a miss')


@tap.test('a hit is logged at DEBUG only')
def hit_quiet():
    fill()
    with r.configured(keep_cache=True, db={'log': 'INFO'}, recheck='60'):
        r.clear_log()
        status()
        tap.equal(r.log(), '')
    with r.configured(keep_cache=True, recheck='60'):
        status()
        tap.contains(r.log(), 'source=cache')


@tap.test('a revocation by plain SQL is seen at most recheck seconds later (D-9, U-3)')
def revoked():
    fill()
    r.revoke(leaf)
    try:
        time.sleep(1.1)
        tap.equal(status(), 'revoked(1)')
    finally:
        r.unrevoke(leaf)
    time.sleep(1.1)
    tap.equal(status(), 'good', 'and back')


@tap.test('recheck=0: on the very next request (D-9)')
def revoked_at_once():
    fill()
    with r.configured(keep_cache=True, recheck='0'):
        tap.equal(status(), 'good')
        for change, want in ((r.revoke, 'revoked(1)'), (r.unrevoke, 'good')) * 3:
            change(leaf)
            tap.equal(status(), want)


@tap.test('nothing has changed: touched, not signed again')
def touched():
    path = fill()
    with open(path, 'rb') as f:
        before = f.read()
    age(path, 100)
    tap.equal(r.ask(r.request(leaf)).der, before)
    tap.equal(r.signatures(), 1)
    assert time.time() - os.stat(path).st_mtime < 10, 'the file was not touched'


@tap.test('the .verified marker of a folder is an agreement for all that is in it')
def marker():
    path = fill()
    age(path, 100)
    marker = os.path.join(os.path.dirname(os.path.dirname(path)), '.verified')
    r.own(pki.write('/', marker, b''))
    with without_signer(recheck='60'):
        tap.equal(status(), 'good')
    os.unlink(marker)


@tap.test('an agreement of the future counts for nothing (D-13)')
def future():
    path = fill()
    age(path, -5000)
    r.revoke(leaf)
    tap.equal(status(), 'revoked(1)')
    r.unrevoke(leaf)


def canned_entry(**times):
    """An answer of our CA with other times than it would have now."""
    path = fill()
    with open(path, 'wb') as f:
        f.write(r.ca.answer(leaf, **times))
    return path


@tap.test('an entry that has expired, or is not yet valid, is replaced (U-4)')
def expired():
    for start in (pki.now() - 9 * pki.DAY, pki.now() + pki.DAY):
        path = canned_entry(start=start, end=start + pki.DAY / 2)
        with without_signer():
            tap.equal(r.ask(r.request(leaf)).status, 'tryLater', start)
        tap.equal(status(), 'good')
        with open(path, 'rb') as f:
            assert ocsp.Response(f.read()).produced_at > time.time() - 60, 'not replaced'


@tap.test('one that nears its end is signed anew in good time')
def renewed():
    path = canned_entry(start=pki.now() - pki.DAY, end=pki.now() + pki.DAY / 24)
    age(path, 100)
    response = r.ask_about(leaf)
    assert response.singles[0].next_update > time.time() + 80000, 'the old one was sent'


def hostile(make):
    """What stands in an entry's place is not used, and the answer is right all the same."""
    path = fill()
    with open(path, 'rb') as f:
        sound = f.read()
    os.unlink(path)
    make(path, sound)
    with without_signer():
        tap.equal(r.ask(r.request(leaf)).status, 'tryLater', 'it was used')
    tap.equal(status(), 'good')


def write(path, octets):
    with open(path, 'wb') as f:
        f.write(octets)
    r.own(path)


def make_link(path, octets):
    write(r.path('work', 'elsewhere'), octets)
    os.symlink(r.path('work', 'elsewhere'), path)


def make_huge(path, octets):
    write(path, octets)
    os.truncate(path, 1 << 40)


def make_folder(path, octets):
    os.mkdir(path)
    r.own(path)


def wrong_certid(path, octets):
    write(path, r.ca.answer(other))


HOSTILE = {
    'a symbolic link': make_link, 'a FIFO': lambda path, octets: r.own(os.mkfifo(path) or path),
    'a folder': make_folder, 'a terabyte of holes': make_huge,
    'a truncated answer': lambda path, octets: write(path, octets[:-1]),
    'an answer with octets after it': lambda path, octets: write(path, octets + b'\0'),
    'an answer about another certificate': wrong_certid,
    'an error answer': lambda path, octets: write(path, bytes.fromhex('30030a0106')),
    'an empty file': lambda path, octets: write(path, b''),
    'a dangling link': lambda path, octets: os.symlink('/nonexistent', path),
    'garbage': lambda path, octets: write(path, os.urandom(1000)),
}
for name, make in HOSTILE.items():
    tap.add('in place of an entry: %s (D-11)' % name, hostile, make)


@tap.test('a folder of an issuer that is a file, or a shard that is one: answered all the same')
def odd_folders():
    for path in (os.path.dirname(place(leaf)), os.path.dirname(os.path.dirname(place(leaf)))):
        r.clear_cache()
        r.folder('cache')
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, b'a file')
        for base, folders, _ in os.walk(r.path('cache')):
            for folder in folders:
                r.own(os.path.join(base, folder))
        tap.equal(status(), 'good')
    r.clear_cache()


@tap.test('a cache that cannot be written, or is not there: slower, still right (D-11)')
def read_only():
    r.clear_cache()
    os.chmod(r.path('cache'), 0o500)
    if os.getuid() == 0:
        os.chown(r.path('cache'), 0, 0)
        os.chmod(r.path('cache'), 0o555)
    try:
        r.clear_log()
        tap.equal(status(), 'good')
        tap.equal(status(), 'good')
        tap.contains(r.log(), 'cache')
        tap.equal(r.cache_files(), [])
    finally:
        r.own(r.path('cache'))
        os.chmod(r.path('cache'), 0o700)
    with r.configured(keep_cache=True, cache='/proc/nowhere/cache'):
        tap.equal(status(), 'good')


@tap.test('a full disk: slower, still right (D-11)')
def full_disk():
    if os.getuid() != 0:
        tap.skip('only root can mount a small file system')
    small = r.folder('small')
    mount = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k,nr_inodes=100,mode=0777', 'tmpfs', small],
                           capture_output=True, text=True)
    if mount.returncode:
        tap.skip('mount: ' + mount.stderr.strip())
    try:
        with open(os.path.join(small, 'filler'), 'wb', buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass
        with r.configured(keep_cache=True, cache=small):
            r.clear_log()
            tap.equal(status(), 'good')
            tap.contains(r.log(), 'space')
            left = [n for base, _, names in os.walk(small) for n in names if 'tmp' in n.lower()]
            tap.equal(left, [], 'temporary files')
    finally:
        subprocess.run(['umount', small], check=True)


@tap.test('50 misses on one serial at once: one signature, 50 answers (D-10)')
def stampede():
    r.clear_cache()
    r.clear_log()
    with r.configured(keep_cache=True, timeout='60'):
        children = [r.start('ocsp-stdio', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                    for _ in range(50)]
        for child in children:
            child.stdin.write(r.request(leaf))
            child.stdin.flush()
        answers = {child.communicate()[0] for child in children}
    tap.equal(len(answers), 1, 'different answers')
    tap.equal(str(ocsp.Response(answers.pop())), 'good')
    tap.equal(r.signatures(), 1)


@tap.test('readers beside a writer never see half an answer (D-10)')
def racing():
    fill()
    stop = time.monotonic() + 2
    with r.configured(keep_cache=True, recheck='0'):
        children = []
        while time.monotonic() < stop:
            r.revoke(leaf) if len(children) % 2 else r.unrevoke(leaf)
            children = [r.start('ocsp-stdio', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                        for _ in range(4)]
            for child in children:
                answer = ocsp.Response(child.communicate(r.request(leaf))[0])
                assert str(answer) in ('good', 'revoked(1)'), str(answer)
                tap.equal(answer.faults(r.ca.certificate, [r.certid(leaf)]), [])
    r.unrevoke(leaf)


@tap.test('database down: what is valid is served, misses get tryLater, then nobody asks (D-12)')
def database_down():
    path = fill()
    age(path, 100)
    r.clear_log()
    r.database.stop()
    try:
        tap.equal(status(), 'good', 'served though overdue')
        assert 'ERROR' in r.log() or 'WARNING' in r.log(), 'the log says nothing'
        tap.equal(r.ask(r.request(other)).status, 'tryLater')
        with without_signer():
            age(path, 100)
            r.clear_log()
            tap.equal(status(), 'good', 'while nobody asks again')
    finally:
        r.database.start()
    age(path, 100)
    r.revoke(leaf)
    time.sleep(5.2)
    tap.equal(status(), 'revoked(1)', 'it is asked again')
    r.unrevoke(leaf)


@tap.test('a revoked row is not forgotten while the database is down')
def revoked_stays():
    r.revoke(leaf)
    r.clear_cache()
    tap.equal(status(), 'revoked(1)')
    r.database.stop()
    age(place(leaf), 100)
    try:
        tap.equal(status(), 'revoked(1)')
    finally:
        r.database.start()
        r.unrevoke(leaf)


@tap.test('a row that was deleted is not good from the cache any longer')
def deleted():
    gone = r.add(r.ca.issue('gone'))
    with r.configured(keep_cache=True, recheck='0'):
        tap.equal(status(gone), 'good')
        r.sql("DELETE FROM list_certs WHERE cert_num = '%#x'" % gone.serial)
        tap.equal(r.ask(r.request(gone)).status, 'unauthorized')
        assert not os.path.exists(place(gone)), 'the answer is still there'
        tap.equal(r.ask(r.request(gone)).status, 'unauthorized')


@tap.test('a killed ocsp-sign leaves nothing that hurts')
def killed():
    r.clear_cache()
    for _ in range(20):
        child = r.start('ocsp-sign', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdin.write(r.request(leaf))
        child.stdin.flush()
        time.sleep(0.004)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    tap.equal(status(), 'good')


tap.run(r.close)
