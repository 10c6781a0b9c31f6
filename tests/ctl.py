#!/usr/bin/python3
"""ocspctl: what an operator asks, what is printed, and the exit codes."""
import os
import pwd
import re
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import der
import pki
import tap
from responder import Responder, needs_sqlite

EX_USAGE, EX_DATAERR, EX_IOERR, EX_TEMPFAIL, EX_CONFIG = 64, 65, 74, 75, 78

# recheck: what is cached counts for an hour, so that only a removal can be seen sooner
r = Responder(recheck='3600', maxage='3600')
leaf = r.ca.issue('leaf')
LEAF = r.write('leaf.pem', leaf.pem())
SERIAL = hex(leaf.serial)
ALGORITHMS = ('sha1', 'sha256', 'sha384', 'sha512')


def ctl(*args, code=0):
    """Standard output and standard error, after a look at the exit code."""
    done = r.ctl(*args)
    out, err = done.stdout.decode(), done.stderr.decode()
    tap.equal(done.returncode, code, out + err)
    return out + err


def status(what, code=0):
    out = ctl('status', what, code=code)
    return re.search('^status +(.*)$', out, re.M).group(1)


def fresh():
    r.sql('DELETE FROM list_certs')
    r.clear_cache()


# --- the command line

@tap.test('--help fits on a screen, --version is one line')
def help_and_version():
    lines = ctl('--help').splitlines()
    # the configuration file's path is as long as its prefix
    widths = [len(line) for line in lines if '--config' not in line]
    assert len(lines) <= 34 and max(widths) <= 100, (len(lines), max(widths))
    assert re.fullmatch(r'ocspctl \d+\.\d+\.\d+\S*\n', ctl('--version'))
    for verb in ('setup', 'check', 'init-db', 'add', 'revoke', 'status'):
        assert any(line.startswith('  ' + verb) for line in lines), verb
        for args in (('--help',), ('-h',), ('x', '--json', '--help')):
            tap.contains(ctl(verb, *args), 'usage: ocspctl ' + verb)


@tap.test('a wrong command line is told, with exit code 64')
def usage():
    for args in ((), ('frobnicate',), ('--nope',), ('add',), ('add', '--nope', LEAF), ('revoke',),
                 ('revoke', SERIAL, SERIAL), ('status',), ('status', '1', '2'), ('init-db', 'x'),
                 ('check', 'x'), ('setup', 'x'), ('status', 'no-such-file'), ('status', '0xyz'),
                 ('revoke', '--reason', 'because', SERIAL), ('revoke', '--reason', '7', SERIAL),
                 ('revoke', '--reason', 'removeFromCRL', SERIAL),
                 ('revoke', '--time', 'yesterday', SERIAL),
                 ('revoke', '--time', '2999-01-01T00:00:00Z', SERIAL), ('--ca', 'x', 'status', '1')):
        text = ctl(*args, code=EX_USAGE)
        assert len(text) > 20, (args, text)


@tap.test('a configuration that is wrong is told, with file and line')
def wrong_configuration():
    with r.configured(producetime='soon'):
        tap.contains(ctl('status', '1', code=EX_CONFIG), r.config + ':')


# --- add

@tap.test('add takes PEM and DER, and several certificates of one file')
def add():
    fresh()
    more = [r.ca.issue('more %d' % i) for i in range(3)]
    bundle = r.write('bundle.pem', b'# a comment\n' + b'\n'.join(m.pem() for m in more[:2]))
    der = r.write('third.der', more[2].der())
    out = ctl('add', LEAF, bundle, der)
    tap.equal([line.split()[:2] for line in out.splitlines()],
              [['added', hex(m.serial)] for m in [leaf] + more])
    tap.equal(sorted(row[0] for row in r.sql('SELECT cert_num FROM list_certs')),
              sorted(hex(m.serial) for m in [leaf] + more))
    tap.contains(out, 'CN = leaf')
    tap.equal(str(r.ask_about(more[2])), 'good')


@tap.test('add again changes nothing, not even a revocation')
def add_again():
    fresh()
    ctl('add', LEAF)
    ctl('revoke', LEAF)
    tap.contains(ctl('add', LEAF), 'present')
    tap.contains(status(SERIAL), 'revoked')


@tap.test('add refuses another certificate with a number that is in the table')
def add_twin():
    fresh()
    ctl('add', LEAF)
    twin = r.write('twin.pem', r.ca.issue('twin', serial=leaf.serial).pem())
    tap.contains(ctl('add', twin, code=1), 'another certificate with this number')
    tap.contains(ctl('add', '--force', twin, code=1), 'another certificate with this number')
    tap.contains(ctl('add', LEAF), 'present')
    # a precertificate, which the certificate follows
    final = r.write('final.pem', r.ca.issue('leaf', key=leaf.key, serial=leaf.serial).pem())
    tap.contains(ctl('add', final), 'present')


@tap.test('add fills in the certificate of a row that has none, or one that nobody can read')
def add_fills():
    fresh()
    for lost in ("''", "'rubbish'"):
        ctl('add', LEAF)
        ctl('revoke', LEAF)
        r.sql('UPDATE list_certs SET cert = ' + lost)
        tap.contains(ctl('add', LEAF), 'filled')
        tap.contains(ctl('add', LEAF), 'present')
        tap.equal(str(r.ask_about(leaf)), 'revoked')
        fresh()


@tap.test('add fills in nothing that is not clearly the row of that certificate')
def add_leaves():
    fresh()
    r.insert('0x%x' % leaf.serial)
    r.insert('0x00%x' % leaf.serial, status='Revoked', when='2026-01-02 03:04:05')
    tap.contains(ctl('add', LEAF), 'spelt in several ways')
    tap.equal([len(row[0] or '') for row in r.sql('SELECT cert FROM list_certs')], [0, 0])
    fresh()
    stranger = pki.make_root('Stranger').issue('stranger')
    r.insert('%#x' % stranger.serial)
    tap.contains(ctl('add', '--force', r.write('stranger.pem', stranger.pem())), 'present')
    tap.equal([len(row[0] or '') for row in r.sql('SELECT cert FROM list_certs')], [0])
    fresh()


@tap.test('add refuses a certificate of another issuer, and goes on with the next')
def foreign():
    fresh()
    other = pki.make_root('Other CA').issue('foreign')
    mixed = r.write('mixed.pem', other.pem() + leaf.pem())
    text = ctl('add', mixed, code=1)
    tap.contains(text, 'refused  ' + hex(other.serial))
    tap.contains(text, 'added    ' + SERIAL)
    tap.contains(text, '--force')
    tap.equal(len(r.sql('SELECT cert_num FROM list_certs')), 1)
    ctl('add', '--force', mixed)
    tap.equal(len(r.sql('SELECT cert_num FROM list_certs')), 2)


@tap.test('add refuses a namesake of the CA: its signature does not verify')
def namesake():
    fresh()
    fake = pki.make_root('fake', name=r.ca.certificate.subject).issue('leaf')
    ctl('add', r.write('fake.pem', fake.pem()), code=1)
    tap.equal(r.sql('SELECT cert_num FROM list_certs'), [])


@tap.test('what is no certificate is told, and the others are added')
def no_certificate():
    fresh()
    text = r.write('text.pem', 'hello\n')
    tap.contains(ctl('add', text, LEAF, code=EX_DATAERR), 'text.pem')
    tap.contains(ctl('add', '/nonexistent.pem', LEAF, code=EX_IOERR), '/nonexistent.pem')
    tap.equal(status(LEAF), 'valid')


# --- revoke

@tap.test('revoke takes a reason as the table, as RFC 5280 and as a number')
def reasons():
    for code, words in ((1, ('key_compromise', 'keyCompromise')),
                        (2, ('ca_compromise', 'cACompromise')), (4, ('superseded',)),
                        (5, ('cessation_of_operation', 'cessationOfOperation')),
                        (6, ('certificate_hold', 'certificateHold')),
                        (10, ('aa_compromise', 'aACompromise'))):
        for word in words + (str(code),):
            fresh()
            ctl('add', LEAF)
            out = ctl('revoke', '--reason', word, SERIAL)
            tap.contains(out, 'reason %s (%d)' % (words[0], code))
            tap.contains(status(SERIAL), 'reason %s (%d)' % (words[0], code))
            tap.equal(r.sql('SELECT revocation_reason FROM list_certs')[0][0], words[0])


@tap.test('of several certificates in a file none is revoked; behind one its CAs may stand')
def several():
    fresh()
    other = r.ca.issue('other')
    two = r.write('two.pem', leaf.pem() + other.pem())
    ctl('add', two)
    for verb in ('revoke', 'hold', 'purge', 'status'):
        tap.contains(ctl(verb, two, code=EX_USAGE), 'several certificates')
    tap.equal(status(SERIAL), 'valid')
    chain = r.write('chain.pem', leaf.pem() + r.ca.pem() + pki.make_root('Root').pem())
    tap.contains(ctl('revoke', chain), SERIAL + ' is revoked')


@tap.test('revoke without a time means now; with one, that time in UTC')
def times():
    fresh()
    ctl('add', LEAF)
    before = time.gmtime(time.time() - 1)
    ctl('revoke', SERIAL)
    written = time.strptime(r.sql('SELECT revocation_time FROM list_certs')[0][0],
                            '%Y-%m-%d %H:%M:%S')
    assert before <= written <= time.gmtime(), written
    ctl('revoke', '--time', '2024-01-02T03:04:05Z', SERIAL)
    tap.equal(status(SERIAL), 'revoked since 2024-01-02T03:04:05Z')


@tap.test('revoking again keeps date and reason, unless one is given')
def revoke_again():
    fresh()
    ctl('add', LEAF)
    ctl('revoke', '--time', '2024-01-02T03:04:05Z', '--reason', '4', SERIAL)
    tap.contains(ctl('revoke', LEAF), 'since 2024-01-02T03:04:05Z, reason superseded (4)')
    ctl('revoke', '--reason', '1', LEAF)
    tap.contains(status(LEAF), 'reason key_compromise (1)')


@tap.test('revoke finds the row in whatever form, and the serial as openssl prints it')
def revoke_forms():
    for form in ('0x00AbCdEf01'.upper().replace('X', 'x'), '0xabcdef01', '0XABCDEF01'):
        for asked in ('ABCDEF01', '0xabcdef01', '00:ab:cd:ef:01', '0000abcdef01'):
            fresh()
            r.insert(form)
            ctl('revoke', asked)
            tap.contains(status('abcdef01'), 'revoked since')


@tap.test('revoke of a serial that is not there: exit code 1')
def revoke_nothing():
    fresh()
    tap.contains(ctl('revoke', '1f', code=1), '0x1f is not in table')
    tap.equal(status('1f', code=1), 'not in table list_certs')


@tap.test('revoke of a certificate that another CA issued touches no row')
def revoke_foreign():
    fresh()
    ctl('add', LEAF)
    other = pki.make_root('Other CA').issue('leaf', serial=leaf.serial)
    ctl('revoke', r.write('other.pem', other.pem()), code=1)
    tap.equal(status(SERIAL), 'valid')


# --- the cache

@tap.test('U-3: revoke signs every cached answer anew: all hashes, with NULL and without')
def revoke_and_cache():
    fresh()
    ctl('add', LEAF)
    asked = [r.request(leaf, algorithm=a, params=p) for a in ALGORITHMS for p in (der.NULL, b'')]
    bystander = r.add(r.ca.issue('bystander'))
    r.ask_about(bystander)
    for request in asked:
        tap.equal(str(r.ask(request)), 'good')
    tap.equal(len(r.cache_files()), len(asked) + 1)
    out = ctl('status', SERIAL)
    tap.contains(out, 'sha1: good, ')
    tap.contains(out, 'sha256, no NULL: good, ')
    tap.contains(out, ': hit')
    signed = r.signatures()
    tap.contains(ctl('revoke', '--reason', '1', LEAF), 'cached answers: 8 removed, 8 signed anew')
    tap.equal(len(r.cache_files()), len(asked) + 1)
    out = ctl('status', SERIAL)
    for name in ('sha1', 'sha256', 'sha256, no NULL', 'sha512'):
        tap.contains(out, name + ': revoked, ')
    for request in asked:
        tap.equal(str(r.ask(request)), 'revoked(1)')
    tap.equal(r.signatures(), signed, 'nobody who asked had to wait for a signature')


@tap.test('U-3: where the key can\'t be read, the cached answers are removed, which is told')
def revoke_without_key():
    fresh()
    ctl('add', LEAF)
    r.ask_about(leaf)
    with r.configured(pkey='elsewhere.key', keep_cache=True):
        out = ctl('revoke', LEAF)
        tap.contains(out, 'cached answers: 1 removed, 0 signed anew')
        tap.contains(out, 'elsewhere.key')
        tap.contains(ctl('status', SERIAL), 'sha1: none')
    tap.equal(str(r.ask_about(leaf)), 'revoked')


@tap.test('what ocspctl leaves in the cache belongs to the responder')
def cache_owner():
    for base, folders, files in os.walk(r.path('cache')):
        for name in folders + files:
            tap.equal(os.lstat(os.path.join(base, name)).st_uid, r.account.pw_uid, name)


@tap.test('a cached file that is no answer is told by status')
def odd_cache():
    fresh()
    ctl('add', LEAF)
    r.ask_about(leaf)
    path, = r.cache_files()
    with open(path, 'wb') as f:
        f.write(b'nonsense')
    tap.contains(ctl('status', LEAF), 'sha1: not used, the file is no OCSPResponse')
    os.unlink(path)
    os.symlink('/etc/passwd', path)
    tap.contains(ctl('status', LEAF), 'sha1: not used, the file ')
    os.unlink(path)


@tap.test('without a cache, and without a database, what can be said is said')
def without():
    fresh()
    ctl('add', LEAF)
    with r.configured(cache='nowhere'):
        tap.equal(status(LEAF), 'valid')
        ctl('revoke', LEAF)
    r.database.stop()
    try:
        ctl('status', LEAF, code=EX_TEMPFAIL)
        ctl('revoke', LEAF, code=EX_TEMPFAIL)
    finally:
        r.database.start()


# --- check

def check(code):
    out = ctl('check', code=code)
    lines = out.splitlines()
    words = [line.split()[0] for line in lines[:-1]]
    tap.equal(lines[-1], '%d ok, %d warnings, %d errors' % tuple(
        words.count(w) for w in ('ok', 'warning', 'error')))
    assert set(words) <= {'ok', 'warning', 'error'}, out
    return out


@tap.test('check: all is well, exit code 0')
def check_ok():
    needs_sqlite()
    fresh()
    ctl('add', LEAF)
    out = check(0)
    for part in ('complete', 'may sign', 'belongs to', 'its owner alone', 'cache', 'answers',
                 '1 valid certificates and 0 revoked', 'can be started'):
        tap.contains(out, part)


@tap.test('check: modes of key, configuration and cache')
def check_modes():
    key = r.path('ca.key')
    for path, mode, says in ((key, 0o640, 'chmod 600'), (key, 0o604, 'chmod 600'),
                             (r.config, 0o602, 'chmod 640'), (r.path('cache'), 0o777, 'chmod 700')):
        before = stat.S_IMODE(os.stat(path).st_mode)
        os.chmod(path, mode)
        try:
            tap.contains(check(2), says, path)
        finally:
            os.chmod(path, before)
    with r.configured(password='secret'):
        os.chmod(r.config, 0o644)
        out = check(2)
        tap.contains(out, 'everybody can read it')
        assert 'secret' not in out


@tap.test('check: a key of another certificate, or none')
def check_key():
    r.write('other.key', pki.key_pem(pki.make_key()))
    with r.configured(pkey='other.key'):
        tap.contains(check(2), 'is not the private key of')
    with r.configured(pkey='missing.key'):
        tap.contains(check(2), 'missing.key')


@tap.test('U-9: check tells of a certificate that ends soon, and of one that has ended')
def check_dates():
    needs_sqlite()
    for start, end, code, says in ((-100, 10.5, 1, 'for 10 more days: renew it'),
                                   (-100, -1, 2, 'expired on'),
                                   (-15, 15.5, 0, 'for 15 more days')):
        ca = pki.make_root('Old CA', start=pki.now() + start * pki.DAY,
                           end=pki.now() + end * pki.DAY)
        r.write('old.pem', ca.pem())
        r.write('old.key', ca.key_pem())
        with r.configured(cert='old.pem', pkey='old.key'):
            tap.contains(check(code), says)


@tap.test('check: a certificate that may not sign')
def check_usage():
    plain = r.ca.issue('no CA')
    r.write('plain.pem', plain.pem())
    r.write('plain.key', plain.key_pem())
    with r.configured(cert='plain.pem', pkey='plain.key'):
        tap.contains(check(2), 'plain.pem')


@tap.test('check: the canned answer')
def check_canned():
    needs_sqlite()
    root = pki.make_root('Root')
    middle = root.issue_ca('Middle')
    r.write('root.pem', root.pem())
    r.write('canned.der', root.answer(middle))
    r.write('late.der', root.answer(middle, start=pki.now() - 20 * pki.DAY,
                                    end=pki.now() + 3.5 * pki.DAY))
    r.write('old.der', root.answer(middle, start=pki.now() - 9 * pki.DAY,
                                   end=pki.now() - 2 * pki.DAY))
    r.write('foreign.der', pki.make_root('Other').answer(middle))
    r.write('middle.pem', middle.pem())
    r.write('middle.key', middle.key_pem())
    own = {'cert': 'middle.pem', 'pkey': 'middle.key'}
    for name, keys, code, says in (
            ('canned.der', dict(own, root='root.pem'), 0, 'more days'),
            ('canned.der', {}, 1, 'set root='),
            ('late.der', {'root': 'root.pem'}, 1, 'for 3 more days'),
            ('old.der', {'root': 'root.pem'}, 2, 'was valid until'),
            ('foreign.der', {'root': 'root.pem'}, 2, 'foreign.der'),
            ('leaf.pem', {}, 2, 'leaf.pem'), ('missing.der', {}, 2, 'missing.der')):
        with r.configured(**dict({'root': None}, ocspresponse=name, **keys)):
            tap.contains(check(code), says, name)


@tap.test('check: database, table, signer and user')
def check_rest():
    needs_sqlite()
    r.database.stop()
    try:
        tap.contains(check(2), "database can't be reached")
    finally:
        r.database.start()
    with r.configured(db={'table': 'nowhere'}):
        tap.contains(check(2), 'init-db')
    with r.configured(signer='/nonexistent/ocsp-sign'):
        tap.contains(check(2), "can't be started")
    with r.configured(user='nobody-of-that-name'):
        tap.contains(check(2), 'there is no user')
    with r.configured(cache='/nonexistent/cache'):
        tap.contains(check(2), '/nonexistent/cache')
    with r.configured(cache='work/later'):
        tap.contains(check(0), 'will be made')
    with r.configured(producetime='soon'):
        tap.contains(check(2), 'producetime')


# --- init-db

@tap.test('init-db: what root has made is for the responder to read, whatever the umask')
def init_umask():
    needs_sqlite()
    if os.getuid() != 0:
        raise tap.Skip('only root can give files away')
    path, before = r.path('work', 'new.db'), os.umask(0o077)
    try:
        with r.configured({'file': path}):
            ctl('init-db')
    finally:
        os.umask(before)
    s = os.stat(path)
    tap.equal((stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid), (0o640, 0, r.account.pw_gid))


@tap.test('init-db: the folder of the database is not there')
def init_folder():
    needs_sqlite()
    with r.configured({'file': '/nonexistent/new.db'}):
        tap.contains(ctl('init-db', code=EX_TEMPFAIL), 'its folder has to be there')


# --- setup

UID, GID = (1234, 1235) if os.getuid() == 0 else (os.getuid(), os.getgid())


def setup(root, code=0):
    done = subprocess.run([r.path('bin', 'ocspctl'), '-c', '/etc/ocsp_py/config.ini', 'setup',
                           '--root', root], capture_output=True)
    out = (done.stdout + done.stderr).decode()
    tap.equal(done.returncode, code, out)
    return out


class Root:
    """A folder that stands for a host's root."""

    def __init__(self, users=True, config=True, cache='/var/cache/ocsp_py'):
        self.kept = tempfile.TemporaryDirectory(prefix='ocsp-root-', dir='/tmp')
        self.dir = self.kept.name
        os.chmod(self.dir, 0o755)
        os.makedirs(self.path('etc/ocsp_py'))
        if users:
            self.write('etc/passwd', 'root:x:0:0::/:/bin/sh\npycert:x:%d:%d::/:/bin/false\n'
                       % (UID, GID))
            self.write('etc/group', 'adm:x:%d:\npycert:x:%d:\n' % (GID, GID))
        if config:
            self.write('etc/ocsp_py/config.ini',
                       '[db]\ntype=sqlite\nfile=certs.db\nlogfile=/var/log/ocsp_py.log\n'
                       '[ocsp]\ncert=ca.pem\npkey=ca.key\ncache=%s\n' % cache)
            self.write('etc/ocsp_py/ca.key', 'key')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kept.cleanup()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        os.chmod(self.path(name), 0o644)

    def look(self, name):
        s = os.lstat(self.path(name))
        return stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid


@tap.test('setup gives files, cache and log their owners and modes')
def setup_once():
    root_uid = 0 if os.getuid() == 0 else UID
    with Root() as root:
        if os.getuid() != 0:
            raise tap.Skip('only root can give files away')
        out = setup(root.dir)
        tap.equal(root.look('etc/ocsp_py/config.ini'), (0o640, root_uid, GID))
        tap.equal(root.look('etc/ocsp_py/ca.key'), (0o600, UID, GID))
        tap.equal(root.look('var/cache/ocsp_py'), (0o700, UID, GID))
        tap.equal(root.look('var/log/ocsp_py.log'), (0o640, UID, GID))
        tap.contains(out, 'ocspctl init-db')
        again = setup(root.dir)
        assert not re.search('^(made|changed) ', again, re.M), again
        os.chmod(root.path('etc/ocsp_py/ca.key'), 0o644)
        assert re.search('^changed .*/ca.key', setup(root.dir), re.M)
        tap.equal(root.look('etc/ocsp_py/ca.key')[0], 0o600)


@tap.test('setup makes the folder of the database, and leaves alone one that is there')
def setup_database():
    config = '[db]\ntype=sqlite\nfile=%s\n[ocsp]\ncert=ca.pem\npkey=ca.key\n'
    with Root() as root:
        root.write('etc/ocsp_py/config.ini', config % '/var/lib/ocsp_py/certs.db')
        setup(root.dir)
        tap.equal(root.look('var/lib/ocsp_py'), (0o700, UID, GID))
        os.chmod(root.path('var/lib/ocsp_py'), 0o755)
        tap.contains(setup(root.dir), 'left     %s' % root.path('var/lib/ocsp_py'))
        tap.equal(root.look('var/lib/ocsp_py')[0], 0o755)


@tap.test('setup gives secrets and cache to signuser=, which user= can only read')
def setup_two_users():
    if os.getuid() != 0:
        raise tap.Skip('only root can give files away')
    with Root() as root:
        with open(root.path('etc/passwd'), 'a') as f:
            f.write('signer:x:2345:2346::/:/bin/false\n')
        root.write('etc/ocsp_py/config.ini',
                   '[db]\ndb=d\nusername=u\npasswordfile=db-password\n'
                   'logfile=/var/log/ocsp_py.log\n[ocsp]\ncert=ca.pem\n'
                   'pkey=ca.key\npasswordfile=$CREDENTIALS_DIRECTORY/pin\nsignuser=signer\n'
                   'signer=unix:/run/ocsp/sign.sock\ncache=/var/cache/ocsp_py\n')
        root.write('etc/ocsp_py/db-password', 'secret')
        out = setup(root.dir)
        assert 'missing' not in out and 'pin' not in out, out
        tap.equal(root.look('etc/ocsp_py/config.ini'), (0o640, 0, GID))
        tap.equal(root.look('etc/ocsp_py/ca.key'), (0o600, 2345, 2346))
        tap.equal(root.look('etc/ocsp_py/db-password'), (0o400, 2345, 2346))
        # of the other's group, which what is made in it will be as well
        tap.equal(root.look('var/cache/ocsp_py'), (0o2750, 2345, GID))
        tap.equal(root.look('var/cache/ocsp_py/.metrics'), (0o600, UID, GID))
        tap.equal(root.look('var/log/ocsp_py.log'), (0o660, UID, GID))
        again = setup(root.dir)
        assert not re.search('^(made|changed) ', again, re.M), again


@tap.test('setup makes folders above the cache that its user may enter, whatever the umask')
def setup_umask():
    with Root(users=False, cache='/srv/ocsp/cache') as root:
        before = os.umask(0o077)
        try:
            setup(root.dir)
        finally:
            os.umask(before)
        for folder in ('srv', 'srv/ocsp', 'var', 'var/log'):
            tap.equal(root.look(folder)[0], 0o755, folder)


@tap.test('setup on a host without configuration makes folders and says what is next')
def setup_bare():
    with Root(users=False, config=False) as root:
        out = setup(root.dir)
        tap.contains(out, 'mend or write ' + root.path('etc/ocsp_py/config.ini'))
        tap.contains(out, 'owners are left as they are')
        made = re.findall(r'^made +(\S+)', out, re.M)
        assert len(made) == 2 and all(path.startswith(root.dir) for path in made), out


@tap.test("setup under a configuration that can't be read makes what is missing, and takes nothing")
def setup_unreadable():
    if os.getuid() != 0:
        raise tap.Skip('only root can give files away')
    good = ('[db]\ndb=d\nusername=u\n[ocsp]\ncert=ca.pem\n'
            'pkey=ca.key\nuser=parser\nsignuser=signer\nsigner=unix:/run/ocsp/sign.sock\n')
    with Root() as root:
        with open(root.path('etc/passwd'), 'a') as f:
            f.write('parser:x:3456:3457::/:/bin/false\nsigner:x:2345:2346::/:/bin/false\n')
        # as it is unpacked: no certificate is named, and all is root's
        root.write('etc/ocsp_py/config.ini', '[ocsp]\n')
        said = setup(root.dir)
        tap.contains(said, 'owners and modes stay as they are')
        tap.equal(root.look('etc/ocsp_py/config.ini'), (0o640, 0, GID))
        made = re.findall(r'^made +(%s/\S+)' % root.dir, said, re.M)
        tap.equal([os.path.basename(m) for m in made], ['ocsp_py', 'ocsp_py.log'])
        files = ['etc/ocsp_py/config.ini', 'etc/ocsp_py/ca.key', *made]
        # whoever is named then gets them
        root.write('etc/ocsp_py/config.ini', good)
        assert 'stay as they are' not in setup(root.dir)
        before = [root.look(f) for f in files]
        tap.equal([b[1:] for b in before],
                  [(0, 3457), (2345, 2346), (2345, 3457), (3456, 3457)])
        # and keeps them
        root.write('etc/ocsp_py/config.ini', good + 'a slip of the pen\n')
        os.chmod(root.path('etc/ocsp_py/config.ini'), 0o640)
        said = setup(root.dir)
        tap.equal(re.findall('^(?:made|changed) .*', said, re.M), [], said)
        tap.contains(said, 'left     ' + made[0])
        tap.contains(said, 'owners and modes stay as they are')
        tap.equal([root.look(f) for f in files], before)
        # what there isn't is not what can't be read
        os.unlink(root.path('etc/ocsp_py/config.ini'))
        assert 'stay as they are' not in setup(root.dir)


@tap.test('setup follows no link, and takes no folder that is for everybody')
def setup_links():
    with Root(users=False, cache='/shared') as root, tempfile.TemporaryDirectory() as elsewhere:
        os.mkdir(root.path('shared'))
        os.chmod(root.path('shared'), 0o1777)
        victim = os.path.join(elsewhere, 'victim')
        with open(victim, 'w'):
            pass
        os.chmod(victim, 0o644)
        os.unlink(root.path('etc/ocsp_py/ca.key'))
        os.symlink(victim, root.path('etc/ocsp_py/ca.key'))
        tap.contains(setup(root.dir), 'link ')
        tap.equal(stat.S_IMODE(os.stat(victim).st_mode), 0o644)
        tap.equal(root.look('shared')[0], 0o1777)
        os.rmdir(root.path('shared'))
        os.symlink(elsewhere, root.path('shared'))
        before = os.stat(elsewhere)
        setup(root.dir, EX_IOERR)
        tap.equal(os.stat(elsewhere).st_mode, before.st_mode)


@tap.test('setup of the live system is for root')
def setup_root():
    if os.getuid() != 0:
        tap.contains(ctl('setup', code=77), 'run it as root')
        return
    nobody = pwd.getpwnam('nobody')
    done = subprocess.run([r.path('bin', 'ocspctl'), 'setup'], capture_output=True,
                          user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
    tap.equal(done.returncode, 77)
    tap.contains(done.stderr.decode(), 'run it as root')


if __name__ == '__main__':
    tap.run(r.close)
