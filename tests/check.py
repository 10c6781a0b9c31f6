#!/usr/bin/python3
"""ocspctl check: what it finds, as lines and as JSON, and the exit code for monitoring."""
import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import mariadb
import pki
import tap
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from responder import Responder, needs_sqlite

HOUR = datetime.timedelta(hours=1)

r = Responder()
leaf = r.add(r.ca.issue('leaf'))


def check(code, *args, responder=r):
    """{topic: [(level, text)]}, after a look at the exit code, if one is given."""
    if responder is r:
        needs_sqlite()
    done = responder.ctl('check', '--json', *args)
    if code is not None:
        tap.equal(done.returncode, code, (done.stdout + done.stderr).decode())
    report = json.loads(done.stdout)
    levels = [f['level'] for f in report['findings']]
    for level, count in (('ok', 'ok'), ('warning', 'warnings'), ('error', 'errors')):
        tap.equal(levels.count(level), report[count])
    tap.equal(report['config'], responder.config)
    found = {}
    for f in report['findings']:
        found.setdefault(f['topic'], []).append((f['level'], f['text']))
    return found


def expect(found, topic, level, part):
    assert any(one == level and part in text for one, text in found.get(topic, [])), \
        '%s %s %r is not in %r' % (topic, level, part, found.get(topic))


@tap.test('lines and JSON say the same')
def both():
    r.ask_about(leaf)
    lines = r.ctl('check').stdout.decode().splitlines()
    plain = [line.split(None, 1) for line in lines[:-1]]
    found = [[level, text] for part in check(0).values() for level, text in part]
    # but for what changes by itself
    changes = (' ms,', 'MiB', 'more days')
    keep = [f for f in found if not any(c in f[1] for c in changes)]
    tap.equal(len(keep), len(found) - len(changes))
    tap.equal(sorted(keep), sorted(p for p in plain if not any(c in p[1] for c in changes)))


@tap.test('a configuration that is wrong is one finding, also in JSON')
def wrong():
    with r.configured(recheck='soon'):
        tap.equal(list(check(2)), ['config'])


# --- the probe

@tap.test('it asks about a certificate of the table, as a client does, and looks at the answer')
def probe():
    expect(check(0), 'probe', 'ok', hex(leaf.serial) + ': good')
    r.revoke(leaf)
    try:
        r.clear_cache()
        expect(check(0), 'probe', 'ok', ': revoked')
    finally:
        r.unrevoke(leaf)
        r.clear_cache()


@tap.test('with nothing in the table there is nothing to ask about')
def empty():
    needs_sqlite()
    with Responder() as other:
        expect(check(0, responder=other), 'probe', 'ok', 'nothing was asked')


@tap.test('rows without certificates, where verify=yes asks for them, are told: nobody is answered')
def bare_rows():
    needs_sqlite()
    with Responder() as other:
        for i in range(3):
            other.insert('0x%d' % (i + 1))
        expect(check(1, responder=other), 'probe', 'warning', 'the first 3 rows of table')
        with other.configured(verify='no'):
            expect(check(0, responder=other), 'probe', 'ok', 'asked about 0x1')
        other.add(other.ca.issue('leaf'))
        expect(check(0, responder=other), 'probe', 'ok', 'asked about')


@tap.test('a default log is looked at where there is no journal')
def default_log():
    with r.configured(db={'logfile': None}):
        found = check(None)
    if os.path.exists('/run/systemd/journal/socket'):
        assert 'log' not in found, found['log']
    else:
        tap.contains(str(found['log']), '/var/log/ocsp_py.log')


def answered(octets):
    """Has a stand-in for ocsp-sign say this; returns what check makes of it."""
    r.write('answer.der', octets)
    stand_in = r.script('bin/stand-in', 'cat %s\n' % r.path('answer.der'))
    with r.configured(signer=stand_in):
        return check(2).get('probe')


def answer(signer=None, about=leaf, start=None, end=None, key_id=True, status='GOOD', when=None,
           algorithm=hashes.SHA1()):
    """An answer that could be made otherwise than it should be."""
    signer, start = signer or r.ca, start or pki.now() - HOUR
    kind = ocsp.OCSPResponderEncoding.HASH if key_id else ocsp.OCSPResponderEncoding.NAME
    return (ocsp.OCSPResponseBuilder()
            .add_response(about.certificate, r.ca.certificate, algorithm,
                          getattr(ocsp.OCSPCertStatus, status), start,
                          None if end is False else end or start + 5 * HOUR, when, None)
            .responder_id(kind, signer.certificate)
            .sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER))


@tap.test('an answer with a fault is an error that names the rule')
def faults():
    other = pki.make_root('Test CA')
    foreign = r.ca.issue('no responder')
    for octets, part in (
            (answer(signer=other), 'does not verify'), (answer(signer=foreign), 'does not verify'),
            (answer(end=False), 'RFC 9919 3.2.4'),
            (answer(start=pki.now() - 9 * HOUR), 'nextUpdate has passed'),
            (answer(start=pki.now() + HOUR, end=pki.now() + 2 * HOUR), 'lies ahead'),
            (answer(status='REVOKED', when=pki.now() - HOUR), 'what the table says'),
            (answer(status='UNKNOWN'), 'what the table says'),
            (answer(key_id=False), 'is no key hash'),
            (answer(about=foreign), 'does not repeat the CertID'),
            (answer(algorithm=hashes.SHA256()), 'does not repeat the CertID'),
            (bytes.fromhex('30030a0103'), 'it is tryLater'), (answer() + b'\0', 'ended without'),
            (answer()[:-1] + b'\1', 'does not verify'), (b'', 'ended without')):
        found = answered(octets)
        assert any(level == 'error' and part in text for level, text in found), (part, found)
    r.write('answer.der', answer())
    with r.configured(signer=r.path('bin', 'stand-in')):
        expect(check(0), 'probe', 'ok', 'as it should be')


@tap.test('profile=br: validity from eight hours to ten days')
def br_validity():
    r.script('bin/stand-in', 'cat %s\n' % r.path('answer.der'))
    start, second = pki.now() - HOUR, HOUR / 3600
    # both ends count: 4.9.9
    for end, fine in ((8 * HOUR - second, True), (8 * HOUR - 2 * second, False),
                      (240 * HOUR - second, True), (240 * HOUR, False)):
        r.write('answer.der', answer(start=start, end=start + end))
        with r.configured(signer=r.path('bin', 'stand-in'), profile='br', producetime='7d'):
            report = json.loads(r.ctl('check', '--json').stdout)
        said = [f['text'] for f in report['findings'] if f['topic'] == 'probe']
        tap.equal(any('4.9.9' in text for text in said), not fine, str(report['findings']))


@tap.test('a signer that hangs or is not there is an error')
def no_signer():
    slow = r.script('bin/slow', 'exec sleep 20\n')
    with r.configured(signer=slow, timeout='500ms'):
        expect(check(2), 'probe', 'error', 'within timeout=')
    with r.configured(signer='unix:/nonexistent/sign.sock'):
        expect(check(2), 'probe', 'error', 'started or reached')


# --- certificates

@tap.test('what may sign is said: the CA itself, or whom it has delegated')
def certificates():
    expect(check(0), 'certificate', 'ok', "the CA's own (cA, digitalSignature)")
    responder = r.ca.issue_responder()
    r.write('issuer.pem', r.ca.pem())
    r.write('resp.pem', responder.pem())
    r.write('resp.key', responder.key_pem())
    with r.configured(cert='resp.pem', pkey='resp.key', issuer='issuer.pem'):
        found = check(0)
    expect(found, 'certificate', 'ok', 'OCSPSigning, digitalSignature, nocheck')
    expect(found, 'probe', 'ok', 'as it should be')
    # a CA with a key of tomorrow's: id-ecPublicKey (1.2.840.10045.2.1) is now 1.2.840.10045.2.127
    unknown = r.ca.der().replace(bytes.fromhex('2a8648ce3d0201'), bytes.fromhex('2a8648ce3d027f'))
    r.write('issuer.pem', unknown)
    with r.configured(cert='resp.pem', pkey='resp.key', issuer='issuer.pem'):
        expect(check(2), 'certificate', 'error', "of a kind that libcrypto can't read")


@tap.test("a canned answer is about the CA's own certificate, or is in the wrong section")
def canned():
    root = pki.make_root('Root')
    middle, other = root.issue_ca('Middle'), root.issue_ca('Other')
    r.write('root.pem', root.pem())
    r.write('middle.pem', middle.pem())
    r.write('middle.key', middle.key_pem())
    r.write('middle.der', root.answer(middle))
    r.write('other.der', root.answer(other))
    keys = {'cert': 'middle.pem', 'pkey': 'middle.key', 'root': 'root.pem'}
    with r.configured(ocspresponse='middle.der', **keys):
        expect(check(0), 'canned', 'ok', 'more days')
    with r.configured(ocspresponse='other.der', **keys):
        expect(check(1), 'canned', 'warning', 'right section')


# --- cache and metrics

@tap.test('the kind of file system that the cache is on')
def file_system():
    texts = [text for level, text in check(0)['cache'] if level == 'ok' and 'MiB left' in text]
    tap.equal(len(texts), 1)
    if os.path.ismount('/dev/shm'):
        folder = '/dev/shm/ocsp-test-%d' % os.getpid()
        os.mkdir(folder)
        r.own(folder)
        try:
            with r.configured(cache=folder):
                expect(check(0), 'cache', 'ok', 'on tmpfs')
        finally:
            for base, folders, files in os.walk(folder, topdown=False):
                for name in files:
                    os.remove(os.path.join(base, name))
                os.rmdir(base)


@tap.test('whether anything is counted')
def counted():
    r.ask_about(leaf)
    expect(check(0), 'metrics', 'ok', '.metrics')
    with r.configured(metrics='/nonexistent/counted'):
        expect(check(1), 'metrics', 'warning', 'set metrics=')
    r.write('garbage', b'x' * 4096)
    with r.configured(metrics='garbage'):
        expect(check(1), 'metrics', 'warning', 'remove it')
    with r.configured(metrics='no'):
        assert 'metrics' not in check(0)


# --- units

class Root:
    """A folder in which units are."""

    def __init__(self, **units):
        self.dir = r.folder('root-%d' % len(os.listdir(r.dir)), mine=False)
        for name, text in units.items():
            self.put(name, text)

    def put(self, path, text):
        path = os.path.join(self.dir, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)

    def install(self, *names, into='usr/lib/systemd/system'):
        top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        for name in names:
            with open(os.path.join(top, 'units', name)) as f:
                self.put(os.path.join(into, name), f.read().replace('pycert', r.account.pw_name))

    def enable(self, socket):
        folder = os.path.join(self.dir, 'etc/systemd/system/sockets.target.wants')
        os.makedirs(folder, exist_ok=True)
        os.symlink('/usr/lib/systemd/system/' + socket, os.path.join(folder, socket))


UNITS = ('ocsp.socket', 'ocsp@.service', 'ocsp-listen.socket', 'ocsp-listen.service')


@tap.test('no units: something else starts the responder')
def no_units():
    expect(check(0, '--root', Root().dir), 'units', 'ok', 'something else')


@tap.test('our own units fit our own configuration')
def own_units():
    root = Root()
    root.install(*UNITS)
    expect(check(1, '--root', root.dir), 'units', 'warning', 'nothing starts the responder yet')
    root.enable('ocsp.socket')
    found = check(0, '--root', root.dir)
    expect(found, 'units', 'ok', 'RuntimeMaxSec=10')
    expect(found, 'units', 'ok', 'ocsp.socket is enabled')
    root.enable('ocsp-listen.socket')
    found = check(1, '--root', root.dir)
    expect(found, 'units', 'ok', 'TimeoutStopSec=70')
    expect(found, 'units', 'warning', 'more than one')


@tap.test("%% in a value, which ocsp.py's reader took for one, is pointed out")
def percent():
    with r.configured(db={'username': 'per%%cent'}):
        expect(check(1), 'config', 'warning', '%%')


@tap.test("a unit's limit below timeout= is a warning, until a drop-in mends it")
def limits():
    root = Root()
    root.install(*UNITS)
    root.enable('ocsp.socket')
    with r.configured(timeout='9'):
        expect(check(1, '--root', root.dir), 'units', 'warning', 'raise it to 11s')
        root.put('etc/systemd/system/ocsp@.service.d/override.conf',
                 '# by hand\n[Service]\nRuntimeMaxSec = 1min 30s\n')
        expect(check(0, '--root', root.dir), 'units', 'ok', 'RuntimeMaxSec=1min 30s')
    with r.configured(timeout='9', keepalive='10'):
        expect(check(1, '--root', root.dir), 'units', 'warning', 'times keepalive=')
    with r.configured(maxconnections='5000'):
        assert 'raise it' not in str(check(0, '--root', root.dir)), 'of a listener that is not used'
    root = Root()
    root.install(*UNITS)
    root.enable('ocsp-listen.socket')
    with r.configured(maxconnections='5000', keepalive='1000'):
        found = check(1, '--root', root.dir)
        expect(found, 'units', 'warning', 'raise it to 10001')
        assert 'ocsp@.service' not in str(found), 'is not used'
    # a whole unit of one's own hides the installed one
    root.put('etc/systemd/system/ocsp-listen.service', '[Service]\nTimeoutStopSec=1\n')
    expect(check(1, '--root', root.dir), 'units', 'warning', 'TimeoutStopSec=1 of')


@tap.test('a unit with a /tmp or a file system of its own has to see the cache that all others see')
def unit_cache():
    root = Root()
    root.install(*UNITS, 'ocsp-watch.service')
    root.enable('ocsp-listen.socket')
    # where the tests' cache is
    assert r.path('cache').startswith('/tmp/')
    found = check(1, '--root', root.dir)
    expect(found, 'units', 'warning', 'ocsp-listen.service has a /tmp of its own')
    assert 'ocsp-watch.service has' not in str(found), 'is not in use'
    with r.configured(cache='/srv/ocsp-no-such-folder'):
        expect(check(None, '--root', root.dir), 'units', 'warning', 'ReadWritePaths=/srv/ocsp-no')
        for value, ends in (('/srv/ocsp-no-such-folder', 0), ('-/srv', 0), ('/srv/ocsp', 1)):
            root.put('etc/systemd/system/ocsp-listen.service.d/override.conf',
                     '[Service]\nReadWritePaths=%s\n' % value)
            found = str(check(None, '--root', root.dir))
            tap.equal('can\'t write to the cache' in found, bool(ends), value)
    with r.configured(db={'logfile': '/srv/x/ocsp.log'}, metrics='/srv/x/count'):
        found = check(None, '--root', root.dir)
        expect(found, 'units', 'warning', "can't write to the log: add ReadWritePaths=/srv/x/ocsp.log")
        expect(found, 'units', 'warning', "can't write to the counters")


@tap.test('a unit that runs as another user than user= is an error')
def unit_user():
    root = Root()
    root.install(*UNITS)
    root.enable('ocsp.socket')
    root.put('etc/systemd/system/ocsp@.service.d/user.conf', '[Service]\nUser=www-data\n')
    expect(check(2, '--root', root.dir), 'units', 'error', 'runs as www-data')


@tap.test('a service of xinetd counts as well')
def xinetd():
    stanza = 'service ocsp\n{\n\tdisable\t\t= %s\n\t# user = x\n\tuser = %s\n}\n'
    root = Root()
    root.put('etc/xinetd.d/ocsp', stanza % ('yes', r.account.pw_name))
    expect(check(1, '--root', root.dir), 'units', 'warning', 'nothing starts')
    root.put('etc/xinetd.d/ocsp', stanza % ('no', r.account.pw_name))
    expect(check(0, '--root', root.dir), 'units', 'ok', "xinetd's service ocsp is enabled")
    root.put('etc/xinetd.d/ocsp', stanza % ('no', 'daemon'))
    expect(check(2, '--root', root.dir), 'units', 'error', 'as daemon')


# --- MariaDB

my = None


def server():
    """A responder whose database is MariaDB."""
    global my
    if not mariadb.available():
        tap.skip('no MariaDB here')
    if not my:
        my = Responder(store='mysql')
        my.add(my.ca.issue('leaf'))
    return my


@tap.test('MariaDB: SELECT is enough for the account, and more is a warning')
def privileges():
    m = server()
    expect(check(1, responder=m), 'database', 'warning', 'ALL PRIVILEGES')
    m.database.server.user('reader', 'x', 'certs', grants='SELECT')
    with m.configured({'username': 'reader', 'password': 'x'}):
        found = check(0, responder=m)
    expect(found, 'database', 'ok', 'no more than SELECT')
    expect(found, 'clock', 'ok', 'agree')
    m.database.server.user('writer', 'x', 'certs', grants='SELECT, INSERT, UPDATE')
    with m.configured({'username': 'writer', 'password': 'x'}):
        expect(check(1, responder=m), 'database', 'warning', '(INSERT, UPDATE)')


@tap.test('MariaDB: the index that lookups use, and a character set that keeps them from it')
def key():
    m = server()
    m.database.server.user('reader', 'x', 'certs', grants='SELECT')
    with m.configured({'username': 'reader', 'password': 'x'}):
        # which one that is, the server's release says
        collation, = m.sql("SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE "
                           "TABLE_NAME = 'list_certs' AND COLUMN_NAME = 'cert_num'")[0]
        expect(check(0, responder=m), 'table', 'ok', 'varchar(50) ' + collation)
        m.sql('ALTER TABLE list_certs DROP PRIMARY KEY')
        try:
            expect(check(2, responder=m), 'table', 'error', 'no index on cert_num')
        finally:
            m.sql('ALTER TABLE list_certs ADD PRIMARY KEY (cert_num)')


def close():
    r.close()
    if my:
        my.close()


tap.run(close)
