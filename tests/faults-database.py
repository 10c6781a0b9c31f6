#!/usr/bin/python3
"""A database that is down, hangs, is slow, restarts, fails over, is full, or says nonsense: never
good without proof, tryLater within the deadline, and the others are served meanwhile.

OCSP_TEST_ALL does each thing more often. The figures are printed as comments."""
import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import fakedb
import faults
import mariadb
import pki
import relay
import tap
from responder import HAVE_SQLITE, LONG, Responder, literal, wait_for

TIMEOUT_S = 3
PATIENCE_S = TIMEOUT_S + 1

if not mariadb.available():
    tap.add('a database that fails', tap.skip, 'MariaDB is not there')
    tap.run()

chance = random.Random(4)
r = Responder(store='mysql', timeout=str(TIMEOUT_S), recheck='0')
server = r.database.server
# what is committed has to outlive a kill
server.options += ['--sql-mode=', '--innodb-flush-log-at-trx-commit=1']
server.sql("SET GLOBAL sql_mode='', GLOBAL innodb_flush_log_at_trx_commit=1")
leaves = [r.add(r.ca.issue('leaf', key=r.ca.key)) for _ in range(3)]
revoked = r.add(r.ca.issue('revoked', key=r.ca.key), status='Revoked', when='2026-01-02 03:04:05',
                reason='key_compromise')
absent = r.ca.issue('absent', key=r.ca.key)
ALLOWED = {leaf: ('good',) for leaf in leaves}
ALLOWED[revoked] = ('revoked(1)',)
# What is said of one that the database can't be asked about.
NO_WORD = ('tryLater',)


def tally():
    return faults.Tally(r.ca.certificate, PATIENCE_S)


def misses(t, allowed_for_all=None):
    """Each certificate, with an empty cache."""
    r.clear_cache()
    for leaf, allowed in ALLOWED.items():
        faults.ask_once(r, t, leaf, allowed_for_all or allowed)


# --- nonsense in the table

SERIAL = 0x6001
# Rows of the table of nonsense have serials from here on.
FIRST = 0x700000
VARCHARS = ("MODIFY status varchar(40) NULL, MODIFY revocation_time varchar(40) NULL,"
            " MODIFY revocation_reason varchar(40) NULL, MODIFY cert mediumblob NULL")
ENUMS = ("MODIFY status enum('Valid','Revoked') NOT NULL DEFAULT 'Valid',"
         " MODIFY revocation_time datetime NULL, MODIFY revocation_reason enum('unspecified',"
         "'key_compromise','ca_compromise','affiliation_changed','superseded',"
         "'cessation_of_operation','certificate_hold','privilege_withdrawn','aa_compromise') NULL,"
         " MODIFY cert blob NOT NULL")
leaf_of_row = r.ca.issue('row', serial=SERIAL, key=r.ca.key)
stranger = pki.make_root('Test CA')
MINE = leaf_of_row.pem()
BROKEN = ('internalError',)
WHEN = '2026-01-02 03:04:05'

# (what is wrong, columns, what may be said with verify=yes, and with verify=no)
ROWS = [
    ('nothing', {}, ('good',), ('good',)),
    ('status VALID', {'status': 'VALID'}, ('good',), ('good',)),
    ('status NULL', {'status': None}, BROKEN, BROKEN),
    ('status empty', {'status': ''}, BROKEN, BROKEN),
    ('status with a space', {'status': 'Valid '}, BROKEN, BROKEN),
    ('status Valid and a NUL', {'status': b'Valid\0'}, BROKEN, BROKEN),
    ('status Expired', {'status': 'Expired'}, BROKEN, BROKEN),
    ('status of 40 letters', {'status': 'V' * 40}, BROKEN, BROKEN),
    ('revoked, no date', {'status': 'Revoked'}, ('revoked',), ('revoked',)),
    ('revoked, date 0000-00-00', {'status': 'revoked', 'when': '0000-00-00 00:00:00'},
     ('revoked',), ('revoked',)),
    ('revoked, date of the future', {'status': 'Revoked', 'when': '2999-01-01 00:00:00'},
     ('revoked',), ('revoked',)),
    ('revoked, date in words', {'status': 'Revoked', 'when': 'yesterday'},
     ('revoked',), ('revoked',)),
    ('revoked, reason nonsense', {'status': 'Revoked', 'when': WHEN, 'reason': 'because'},
     ('revoked',), ('revoked',)),
    ('revoked, reason 7', {'status': 'Revoked', 'when': WHEN, 'reason': '7'},
     ('revoked',), ('revoked',)),
    ('certificate of another CA', {'certificate': stranger},
     ('unauthorized',), ('good',)),
    ('certificate of another row', {'certificate': leaves[0].pem()}, BROKEN, ('good',)),
    ('certificate NULL', {'certificate': None}, BROKEN, ('good',)),
    ('certificate empty', {'certificate': b''}, BROKEN, ('good',)),
    ('certificate garbage', {'certificate': b'\xff\0garbage' * 9}, BROKEN, ('good',)),
    ('certificate of a megabyte', {'certificate': b'0' * 1000000}, BROKEN, ('good',)),
    ('certificate, and a megabyte of spaces', {'certificate': b' ' * 1000000},
     BROKEN, ('good',)),
]


def values(number, certificate, status='Valid', when=None, reason=None):
    return '(%s)' % ', '.join(map(literal, (number, when, reason, certificate, status)))


INSERT = ('INSERT INTO list_certs (cert_num, revocation_time, revocation_reason, cert, status)'
          ' VALUES ')


def put_row(number=hex(SERIAL), status='Valid'):
    """In place of what is there of that serial, in one question."""
    r.sql("DELETE FROM list_certs WHERE cert_num LIKE '%6001';" +
          INSERT + values(number, MINE, status))


def put_rows():
    """All the nonsense; returns what is asked about."""
    rows, asked = [], []
    for i, (_, columns, *_) in enumerate(ROWS):
        leaf = r.ca.issue('row', serial=FIRST + i, key=r.ca.key)
        columns = dict(columns)
        certificate = columns.pop('certificate', leaf.pem())
        if certificate is stranger:
            certificate = stranger.issue('row', serial=leaf.serial, key=r.ca.key).pem()
        elif certificate and certificate.isspace():
            certificate = leaf.pem() + certificate
        rows.append(values(hex(leaf.serial), certificate, **columns))
        asked.append(leaf)
    r.sql('SET GLOBAL max_allowed_packet=16777216')
    r.sql('DELETE FROM list_certs WHERE LENGTH(cert_num)=8;' + INSERT + ','.join(rows))
    return asked


@contextlib.contextmanager
def table(change, back):
    r.sql('ALTER TABLE list_certs ' + change)
    try:
        yield
    finally:
        r.sql("DELETE FROM list_certs WHERE CAST(cert_num AS char) LIKE '%6001'")
        r.sql('ALTER TABLE list_certs ' + back)


@tap.test('nonsense in a row: a definite word, never good without proof (D-8, O-13)')
def nonsense():
    t = tally()
    with table(VARCHARS, ENUMS):
        asked = put_rows()
        try:
            for verify in ('yes', 'no'):
                with r.configured(verify=verify):
                    for leaf, (name, _, want, want_unverified) in zip(asked, ROWS):
                        allowed = want if verify == 'yes' else want_unverified
                        kind = faults.ask_once(r, t, leaf, allowed)
                        tap.equal(kind, 'right', '%s, verify=%s: %r' % (name, verify, t.samples))
        finally:
            r.sql('DELETE FROM list_certs WHERE LENGTH(cert_num)=8')
    faults.row('nonsense in a row', 2 * len(ROWS), t)


@tap.test('words that no enum has become empty in it: no answer (D-8)')
def wrong_enum():
    t = tally()
    with table('COMMENT=\'\'', 'COMMENT=\'\''):
        for status in ('perhaps', '', 'Valid,Revoked'):
            put_row(status=status)
            r.clear_cache()
            tap.equal(faults.ask_once(r, t, leaf_of_row, BROKEN), 'right', status)


FORMS = ['0x6001', '0X6001', '0x06001', '0x006001', '0x' + '6001'.zfill(40)]


@tap.test('cert_num in every spelling, in latin1, utf16, bytes and fixed width (U-15)')
def spellings():
    t = tally()
    for column in ('varchar(50) CHARACTER SET latin1', 'varchar(50) CHARACTER SET utf16',
                   'varchar(50) CHARACTER SET latin1 COLLATE latin1_bin', 'varbinary(50)',
                   'char(50)'):
        with table('MODIFY cert_num %s NOT NULL' % column, 'MODIFY cert_num varchar(50) NOT NULL'):
            for form in FORMS if LONG else FORMS[1:4]:
                put_row(number=form)
                r.clear_cache()
                tap.equal(faults.ask_once(r, t, leaf_of_row), 'right', '%s %s' % (column, form))
    r.sql("DELETE FROM list_certs WHERE cert_num LIKE '%6001'")
    r.clear_cache()
    tap.equal(faults.ask_once(r, t, leaf_of_row, ('unauthorized',)), 'right', 'none is there')


@tap.test('a column of numbers, where every serial compares equal to 0: no answer, and why')
def numbers():
    r.sql('CREATE TABLE numbers (cert_num bigint, revocation_time datetime, revocation_reason int,'
          ' cert blob, status varchar(10));'
          "INSERT INTO numbers VALUES (0, NULL, NULL, '', 'Valid')")
    t = tally()
    with r.configured(db={'table': 'numbers'}, verify='no'):
        r.clear_log()
        tap.equal(faults.ask_once(r, t, absent, BROKEN), 'right', str(t.samples))
        tap.contains(r.log(), 'cert_num')


@tap.test("a row that is another's by its letters, and equal by the collation: that one is at fault")
def look_alike():
    t = tally()
    r.sql("ALTER TABLE list_certs MODIFY cert_num varchar(50) CHARACTER SET utf8mb4 NOT NULL")
    put_row(number='0xé' + '6001'.zfill(3))
    like = r.ca.issue('like', serial=0xe6001, key=r.ca.key)
    with r.configured(recheck='0'):
        faults.ask_once(r, t, leaves[0])
        tap.equal(faults.ask_once(r, t, like, BROKEN), 'right', str(t.samples))
        tap.contains(r.log(), '0x?6001' if '0x?6001' in r.log() else '6001')
        # the others are compared with the table as ever: it is no outage
        try:
            r.revoke(leaves[0])
            tap.equal(faults.ask_once(r, t, leaves[0], ('revoked(1)',)), 'right', str(t.samples))
        finally:
            r.unrevoke(leaves[0])
    faults.row('a row that compares equal to others', 2, t)
    t.check()
    r.sql("DELETE FROM list_certs WHERE cert_num LIKE '%6001'")


@tap.test('a view with two rows of one serial: revoked before nonsense, and that before valid')
def duplicates():
    r.sql('CREATE TABLE pairs LIKE list_certs; ALTER TABLE pairs DROP PRIMARY KEY;'
          'CREATE VIEW doubled AS SELECT * FROM pairs')
    t = tally()
    with r.configured(db={'table': 'doubled'}):
        for statuses, want in ((('Valid', 'Revoked'), ('revoked',)),
                               (('Revoked', 'Valid'), ('revoked',)),
                               (('Valid', ''), BROKEN), (('', 'Valid'), BROKEN),
                               (('', 'Revoked', 'Valid'), ('revoked',)),
                               (('Valid', 'Valid'), ('good',))):
            r.sql('DELETE FROM pairs')
            for i, status in enumerate(statuses):
                r.insert(FORMS[i % 3], certificate=MINE, status=status, table='pairs')
            r.clear_cache()
            tap.equal(faults.ask_once(r, t, leaf_of_row, want), 'right', statuses)


# --- a table that can't be asked

def unusable(name, break_it, mend, says):
    """Misses get tryLater, what is in the cache is served; mended, all is as before."""
    t = tally()
    r.clear_cache()
    faults.ask_once(r, t, leaves[0])
    r.clear_log()
    break_it()
    try:
        for _ in range(10 if LONG else 2):
            faults.ask_once(r, t, leaves[0])
            faults.ask_once(r, t, leaves[1], NO_WORD)
            faults.ask_once(r, t, absent, NO_WORD)
    finally:
        mend()
    tap.contains(r.log(), says)
    start = time.monotonic()
    wait_for(lambda: str(r.ask(r.request(leaves[1]))) == 'good', 'the database', 10)
    seconds = time.monotonic() - start
    misses(t)
    faults.row(name, 10 if LONG else 2, t, seconds)
    t.check(put_off=0)


def flood():
    """Takes all the connections that the server has for users."""
    r.sql('SET GLOBAL max_connections=10')
    flood.sockets = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(11)]
    for sock in flood.sockets:
        sock.recv(100)


def ebb():
    for sock in flood.sockets:
        sock.close()
    wait_for(lambda: r.sql("SHOW STATUS LIKE 'Threads_connected'")[0][1] == '1', 'the server')
    r.sql('SET GLOBAL max_connections=151')


def sql(text):
    return lambda: r.sql(text)


def grant(rights):
    return lambda: [server.sql("GRANT %s ON certs.* TO 'cert'@'%s'" % (rights, host))
                    for host in ('localhost', '127.0.0.1')]


def revoke_rights():
    for host in ('localhost', '127.0.0.1'):
        server.sql("REVOKE ALL ON certs.* FROM 'cert'@'%s'" % host)


UNUSABLE = (
    ('table missing', sql('RENAME TABLE list_certs TO away'),
     sql('RENAME TABLE away TO list_certs'), 'there is no table'),
    ('column missing', sql('ALTER TABLE list_certs CHANGE status state varchar(10)'),
     sql('ALTER TABLE list_certs CHANGE state status varchar(10)'), 'lacks a column'),
    ('privilege missing', revoke_rights, grant('ALL'), 'denied'),
    ('max_connections reached', flood, ebb, 'Too many connections'),
    ('server stopped', lambda: r.database.stop(), lambda: r.database.start(), 'connect'),
)
for name, *how in UNUSABLE:
    tap.add('%s: tryLater, cached answers go on, recovery without help (D-12)' % name, unusable,
            'database: ' + name, *how)


# --- a server that hangs, or is slow

@contextlib.contextmanager
def through_relay(**keys):
    front = relay.Relay(server.port)
    with r.configured(db={'port': str(front.port)}, **keys):
        try:
            yield front
        finally:
            front.close()


@tap.test('a query that hangs behind a lock: tryLater within the deadline (D-12)')
def locked():
    holder = subprocess.Popen([mariadb.program('mariadb'), '--no-defaults', '-uroot', '-S',
                               server.socket, '-N', '--unbuffered', 'certs'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    t = tally()
    r.clear_cache()
    faults.ask_once(r, t, leaves[0])
    try:
        holder.stdin.write(b'LOCK TABLES list_certs WRITE; SELECT 1;\n')
        holder.stdin.flush()
        tap.equal(holder.stdout.readline(), b'1\n')
        faults.ask_once(r, t, leaves[1], NO_WORD)
        faults.ask_once(r, t, leaves[0])
    finally:
        holder.kill()
        holder.wait()
    start = time.monotonic()
    wait_for(lambda: str(r.ask(r.request(leaves[1]))) == 'good', 'the database', 10)
    faults.row('database: query hangs behind a lock', 2, t, time.monotonic() - start)
    t.check(right=3, put_off=0)


@tap.test('a server that accepts and hangs: tryLater within the deadline, hits go on')
def hangs():
    t = tally()
    with through_relay() as front:
        faults.ask_once(r, t, leaves[0])
        front.set('hang')
        for _ in range(5 if LONG else 1):
            faults.ask_once(r, t, leaves[1], NO_WORD)
            for _ in range(10):
                faults.ask_once(r, t, leaves[0])
        front.set('pass')
        start = time.monotonic()
        wait_for(lambda: str(r.ask(r.request(leaves[1]))) == 'good', 'the database', 10)
        faults.row('database: hangs after accept', 5 if LONG else 1, t, time.monotonic() - start)
    t.check(put_off=0)


@tap.test('a server that does not even accept: tryLater within the deadline, hits go on')
def never_accepts():
    t = tally()
    r.clear_cache()
    faults.ask_once(r, t, leaves[0])
    with socket.socket() as s, contextlib.ExitStack() as stack:
        s.bind(('127.0.0.1', 0))
        s.listen(0)
        # its queue is full; the kernel says nothing to whoever comes then
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(s.getsockname())
        with r.configured(keep_cache=True, db={'port': str(s.getsockname()[1])}):
            faults.ask_once(r, t, leaves[1], NO_WORD)
            for _ in range(10):
                faults.ask_once(r, t, leaves[0])
    faults.row('database: does not accept', 1, t)
    t.check(put_off=0)


@tap.test('a slow server: right answers, or tryLater within the deadline')
def slow():
    t = tally()
    for pause_s in (0.05, 0.3, 0.6, 0.9, 1.5) if LONG else (0.3,):
        with through_relay() as front:
            front.spoil = lambda octets, n: time.sleep(pause_s) or octets
            r.clear_cache()
            faults.ask_once(r, t, leaves[0], ('good', 'tryLater'))
    faults.row('database: slow', sum(t.counts.values()), t, t.worst_s)
    t.check()


def drips():
    """Octet by octet: each comes before the library would give up, all of them do not."""
    t = tally()

    def drip(octets, n):
        if n > 0:
            time.sleep(0.9)
            return octets[:1] + b'\xff' * (len(octets) - 1)
        return octets

    with through_relay() as front:
        front.spoil = drip
        faults.ask_once(r, t, leaves[0], NO_WORD)
    t.check(put_off=0)


tap.add('a server that comes a little at a time, and wrong: tryLater within the deadline', drips)


# --- restarted, failing over

@tap.test('killed and restarted during traffic: no answer is lost, a revocation is seen soon after')
def restarted():
    misses(tally())
    child, port = r.listen()
    times, worst = (20 if LONG else 1), 0
    with faults.Traffic(r, port, ALLOWED) as traffic:
        for i in range(times):
            how = (signal.SIGKILL, signal.SIGTERM)[i % 2]
            time.sleep(0.3)
            server.stop(how)
            time.sleep(0.5)
            server.start()
            up = time.monotonic()
            traffic.allowed[leaves[0]] = ('good', 'revoked(1)')
            r.revoke(leaves[0])
            wait_for(lambda: str(r.ask(r.request(leaves[0]))) == 'revoked(1)', 'a revocation', 15)
            worst = max(worst, time.monotonic() - up)
            r.unrevoke(leaves[0])
            wait_for(lambda: str(r.ask(r.request(leaves[0]))) == 'good', 'its end', 15)
            traffic.allowed[leaves[0]] = ('good',)
    child.terminate()
    child.wait()
    faults.row('database: killed and restarted during traffic', times, traffic.tally, worst)
    traffic.tally.check(put_off=0)


@tap.test('failing over: the first host dies or hangs during traffic, the second answers')
def failover():
    front = relay.Relay(server.port)
    hosts = '127.0.0.1:%d,127.0.0.1:%d' % (front.port, server.port)
    with r.configured(db={'host': hosts}):
        child, port = r.listen()
        times = 10 if LONG else 1
        with faults.Traffic(r, port, ALLOWED, patience_s=PATIENCE_S) as traffic:
            for _ in range(times):
                for mode, seconds in (('refuse', 0.7), ('pass', 0.2), ('hang', 1.6), ('pass', 0.2)):
                    front.set(mode)
                    time.sleep(seconds)
        child.terminate()
        child.wait()
    front.close()
    faults.row('database: first of two hosts dies or hangs during traffic', 2 * times,
               traffic.tally, traffic.tally.worst_s)
    traffic.tally.check(put_off=0)


# --- a server that talks nonsense

@tap.test('killed in the middle of its answer, at every part of it: tryLater')
def cut():
    t, whole = tally(), 0
    with through_relay() as front:
        faults.ask_once(r, t, leaves[0])
        whole = max(front.said.values())
        step = 1 if LONG else whole // 15
        for n in range(0, whole - 12, step):
            front.spoil = lambda octets, before, n=n: octets[:max(0, n - before)]
            r.clear_cache()
            tap.equal(faults.ask_once(r, t, leaves[0], NO_WORD), 'right', 'cut at %d of %d: %s'
                      % (n, whole, t.samples))
    faults.row('database: connection ends in the middle of an answer',
               sum(t.counts.values()) - 1, t)


@tap.test('octets of its answer are changed: never good')
def changed():
    t = tally()
    never_good = ('revoked(1)', 'revoked', 'unauthorized', 'internalError', 'tryLater')
    with through_relay() as front:
        faults.ask_once(r, t, revoked, ALLOWED[revoked])
        whole = max(front.said.values())
        for _ in range(1000 if LONG else 20):
            at, bit = chance.randrange(whole), 1 << chance.randrange(8)

            def flip(octets, before):
                if not before <= at < before + len(octets):
                    return octets
                i = at - before
                return octets[:i] + bytes([octets[i] ^ bit]) + octets[i + 1:]

            front.spoil = flip
            for one in (revoked, absent):
                r.clear_cache()
                octets = r.run('ocsp-stdio', octets=r.request(one), timeout=20).stdout
                kind, why = t.judge(r.certid(one), octets, never_good)
                t.counts[kind] += 1
                assert kind != 'wrong' or why.startswith('revoked'), (at, bit, why)
    faults.row('database: a bit of its answer is another', sum(t.counts.values()) - 1, t)


def nonsense_answers():
    yield b''
    yield fakedb.packet(1, b'')
    yield fakedb.packet(1, b'\xff')
    yield fakedb.packet(1, b'\xff\x15\x04#28000Access denied')
    yield fakedb.packet(1, b'\xfb/etc/shadow')         # give me a file of yours
    yield fakedb.packet(1, b'\x01')
    yield fakedb.packet(1, b'\xfe\xff\xff\xff\xff\xff\xff\xff\xff')
    yield b'\xff\xff\xff\x01' + b'A' * 1000
    yield fakedb.packet(1, b'\0' * 12)
    while True:
        octets = chance.randbytes(chance.randrange(1, 400))
        yield chance.choice((octets, fakedb.packet(1, octets), fakedb.packet(1, b'\0' + octets)))


@tap.test('a server that talks nonsense after its greeting, its login, its settings: tryLater')
def babble():
    t, rounds = tally(), 150 if LONG else 4
    for oks in (0, 1, 2):
        answers = nonsense_answers()
        for _ in range(rounds):
            answer = next(answers)
            with fakedb.FakeServer([answer], oks) as fake, \
                    r.configured(db={'port': str(fake.port)}):
                kind = faults.ask_once(r, t, leaves[0], NO_WORD)
                tap.equal(kind, 'right', 'after %d OKs, %r: %s' % (oks, answer[:50], t.samples))
                assert fake.messages > 0 or not oks, 'it was not asked'
    for greeting in (b'', b'HTTP/1.1 400 Bad Request\r\n\r\n', b'\xff' * 5000, bytes(100),
                     fakedb.packet(0, b'\xff\x10\x04Too many connections')):
        with fakedb.FakeServer(greeting=greeting) as fake, \
                r.configured(db={'port': str(fake.port)}):
            tap.equal(faults.ask_once(r, t, leaves[0], NO_WORD), 'right', greeting[:50])
    faults.row('database: talks nonsense', sum(t.counts.values()), t, t.worst_s)


# --- SQLite

def sqlite_fails():
    """The file is locked, missing, empty, garbage, cut short, a folder, a FIFO."""
    with Responder(store='sqlite', timeout=str(TIMEOUT_S), recheck='0') as s:
        t = faults.Tally(s.ca.certificate, PATIENCE_S)
        known, new = [s.add(s.ca.issue('leaf', key=s.ca.key)) for _ in range(2)]
        faults.ask_once(s, t, known)
        path = s.database.file
        with open(path, 'rb') as f:
            octets = f.read()

        def put(what):
            return lambda: s.write('db/certs.db', what)

        broken = {'missing': lambda: None, 'empty': put(b''), 'garbage': put(os.urandom(20000)),
                  'cut short': put(octets[:5000]), 'a folder': lambda: os.mkdir(path),
                  'a FIFO': lambda: s.own(os.mkfifo(path) or path)}
        for name, break_it in broken.items():
            os.rename(path, path + '.away')
            break_it()
            tap.equal(faults.ask_once(s, t, new, NO_WORD), 'right', name)
            tap.equal(faults.ask_once(s, t, known), 'right', name)
            tap.equal(os.path.lexists(path), name != 'missing', 'it was made')
            if name == 'a folder':
                os.rmdir(path)
            os.rename(path + '.away', path)
        lock = sqlite3.connect(path, isolation_level=None)
        lock.execute('BEGIN EXCLUSIVE')
        tap.equal(faults.ask_once(s, t, new, NO_WORD), 'right', 'locked')
        tap.equal(faults.ask_once(s, t, known), 'right', 'locked')
        lock.close()
        start = time.monotonic()
        tap.equal(faults.ask_once(s, t, new), 'right', 'after all')
        faults.row('SQLite: locked, missing, empty, garbage, cut short, a folder, a FIFO',
                   len(broken) + 1, t, time.monotonic() - start)
        t.check(put_off=0)


if HAVE_SQLITE:
    tap.add('SQLite: a file that is locked, missing or garbage: tryLater, and it is not made anew',
            sqlite_fails)

tap.run(r.close)
