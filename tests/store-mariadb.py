#!/usr/bin/python3
"""The MySQL store against a server of its own: what it finds, what it makes of odd rows, and how it
ends when the server can't be asked. Driven through ocspctl."""
import contextlib
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509

import fakedb
import mariadb
import pki
import tap
from responder import DATA, Responder

EX_TEMPFAIL = 75

r = None


def status(serial, code=0):
    """What ocspctl says about a serial: {first word: rest}."""
    done = r.ctl('status', serial)
    out = done.stdout.decode()
    tap.equal(done.returncode, code, out + done.stderr.decode())
    return dict(line.split(None, 1) for line in out.splitlines())


def empty():
    r.sql('DELETE FROM list_certs')


def refused(*args, says=''):
    """A database that can't be asked: exit code, a sentence, and never that a row is missing."""
    start = time.monotonic()
    done = r.ctl(*args)
    took = time.monotonic() - start
    text = (done.stdout + done.stderr).decode()
    tap.equal(done.returncode, EX_TEMPFAIL, text)
    tap.contains(text, says)
    assert 'not in table' not in text, text
    assert 'pycert' not in text, 'the password is in: ' + text
    return took


@contextlib.contextmanager
def altered(change, back):
    """With another definition of the table."""
    empty()
    r.sql('ALTER TABLE list_certs ' + change)
    try:
        yield
    finally:
        empty()
        r.sql('ALTER TABLE list_certs ' + back)


@contextlib.contextmanager
def silent_server():
    """A port that accepts and never says a word."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen(5)
        yield '127.0.0.1:%d' % s.getsockname()[1]


# --- the table

@tap.test('init-db makes the table as the predecessor defined it')
def definition():
    with open(os.path.join(DATA, 'predecessor', 'list_certs.sql')) as f:
        theirs = f.read()
    made = r.sql('SHOW CREATE TABLE list_certs')[0][1]
    r.sql('CREATE DATABASE theirs')
    r.database.server.sql(theirs, 'theirs')
    tap.equal(made, r.sql('SHOW CREATE TABLE theirs.list_certs')[0][1])
    r.sql('DROP DATABASE theirs')


@tap.test('init-db can be run again')
def again():
    tap.contains(r.check_ctl('init-db'), 'is there already')


@tap.test('a missing table is no missing row, and the sentence says what to do')
def missing_table():
    with r.configured(db={'table': 'nowhere'}):
        refused('status', '1f', says='init-db')


@tap.test('a missing column is named')
def missing_column():
    with altered('CHANGE revocation_reason reason INT', 'CHANGE reason revocation_reason enum('
                 "'unspecified','key_compromise','ca_compromise','affiliation_changed',"
                 "'superseded','cessation_of_operation','certificate_hold','privilege_withdrawn',"
                 "'aa_compromise') DEFAULT NULL"):
        refused('status', '1f', says='revocation_reason')


@tap.test('table= may name a schema')
def schema():
    r.insert('0x1f')
    with r.configured(db={'table': 'certs.list_certs'}):
        tap.equal(status('1f')['status'], 'valid')
    empty()


# --- U-15: serials

SERIAL = 'a1b2c3d4e5f60718'
FORMS = ['0x' + SERIAL, '0x' + SERIAL.upper(), '0X' + SERIAL.upper(), '0x0' + SERIAL,
         '0x00' + SERIAL, '0x00' + SERIAL.upper(), '0x' + SERIAL.zfill(32),
         '0x' + SERIAL.zfill(40), '0X' + SERIAL.upper().zfill(40)]


def every_form():
    for form in FORMS:
        r.insert(form)
        found = status(SERIAL)
        tap.equal(found.get('row', found['serial']), form)
        tap.contains(status(SERIAL[:-1], 1)['status'], 'not in table', form)
        empty()


@tap.test('U-15: upper case and leading zeros are found, in a column without case')
def forms():
    every_form()


@tap.test('U-15: upper case and leading zeros are found, in a column of bytes')
def binary_forms():
    with altered('MODIFY cert_num varbinary(50)', 'MODIFY cert_num varchar(50)'):
        every_form()


@tap.test('U-15: upper case and leading zeros are found, in an ASCII column')
def ascii_forms():
    with altered('MODIFY cert_num varchar(50) CHARACTER SET ascii COLLATE ascii_bin',
                 'MODIFY cert_num varchar(50) CHARACTER SET utf8mb4'):
        every_form()


@tap.test('of two rows of one serial the revoked one counts')
def twins():
    for first, second in (('0x1f', '0x001f'), ('0x001f', '0x1f')):
        r.insert(first, certificate=b'x')
        r.insert(second, 'Revoked', '2024-01-02 03:04:05', 'superseded', b'x')
        tap.equal(status('1F')['status'],
                  'revoked since 2024-01-02T03:04:05Z, reason superseded (4)')
        empty()


@tap.test('a lookup reads no more rows than match, however many there are')
def no_scan():
    root = r.database.server.sql
    r.sql("INSERT INTO list_certs (cert_num, cert) SELECT CONCAT('0x', HEX(seq * 7919)), 'x'"
          ' FROM seq_1_to_20000')
    r.insert('0xabcdef123')
    root("SET GLOBAL log_output='TABLE', slow_query_log=1, long_query_time=0")
    status('abcdef123')
    status('abcdef124', 1)
    root('SET GLOBAL slow_query_log=0')
    seen = [(int(rows), sql) for rows, sql in root(
        "SELECT rows_examined, REPLACE(sql_text, '\\n', ' ') FROM mysql.slow_log"
        " WHERE sql_text LIKE '%cert_num IN%' AND sql_text NOT LIKE '%slow_log%'")]
    assert len(seen) == 2, seen
    for rows, sql in seen:
        assert rows <= 1, (rows, sql)
    empty()


@tap.test('check tells that the table has no index on cert_num')
def unindexed():
    with altered('DROP PRIMARY KEY', 'ADD PRIMARY KEY (cert_num)'):
        tap.contains(r.ctl('check').stdout.decode(), 'no index on cert_num')


# --- U-12, D-8: odd rows

@tap.test('D-8: NULL, zero dates and words outside the enums have a definite outcome')
def odd_rows():
    write = "SET sql_mode=''; INSERT INTO list_certs (cert_num, revocation_time, " \
            "revocation_reason, cert, status) VALUES "
    unreadable = 'revoked at a time that can\'t be read'
    for number, row, want in (
            ('0x1', "NULL, NULL, '', 'Revoked'", unreadable),
            ('0x2', "'0000-00-00 00:00:00', 'superseded', '', 'Revoked'",
             unreadable + ', reason superseded (4)'),
            ('0x3', "'2024-00-00 00:00:00', NULL, '', 'Revoked'", unreadable),
            ('0x4', "'2024-01-02 03:04:05', 'because', '', 'Revoked'",
             "revoked since 2024-01-02T03:04:05Z, with a reason that can't be read"),
            ('0x5', "NULL, NULL, '', 'perhaps'", 'neither Valid nor Revoked: mend the row'),
            ('0x6', "'9999-12-31 23:59:59', 'unspecified', '', 'Revoked'",
             'revoked since 9999-12-31T23:59:59Z, reason unspecified (0)')):
        r.sql(write + "('%s', %s)" % (number, row))
        found = status(number)
        tap.equal(found['status'], want, number)
        tap.equal(found['certificate'], 'none')
    with r.configured(timeout='1'):
        tap.contains(r.ctl('check').stdout.decode(), 'too short to find out that a database hangs')
    assert 'too short' not in r.ctl('check').stdout.decode()
    tap.contains(r.ctl('check').stdout.decode(), '1 rows that are neither Valid nor Revoked')
    empty()


@tap.test('columns of other types read the same: text for the time, numbers for the reason')
def other_types():
    with altered('MODIFY revocation_time varchar(40), MODIFY revocation_reason int,'
                 ' MODIFY status varchar(20), MODIFY cert text',
                 'MODIFY revocation_time datetime, MODIFY revocation_reason enum('
                 "'unspecified','key_compromise','ca_compromise','affiliation_changed',"
                 "'superseded','cessation_of_operation','certificate_hold','privilege_withdrawn',"
                 "'aa_compromise') DEFAULT NULL, MODIFY status enum('Valid','Revoked') NOT NULL"
                 " DEFAULT 'Valid', MODIFY cert blob NOT NULL"):
        r.insert('0x1', 'REVOKED', '2024-01-02T03:04:05Z', 9, 'text')
        tap.equal(status('1')['status'],
                  'revoked since 2024-01-02T03:04:05Z, reason privilege_withdrawn (9)')
        r.insert('0x2', None, None, None, None)
        tap.equal(status('2')['status'], 'neither Valid nor Revoked: mend the row')


@tap.test('a TIMESTAMP column is read as UTC, whatever the time zone of the server')
def timestamps():
    with altered('MODIFY revocation_time timestamp NULL', 'MODIFY revocation_time datetime'):
        r.insert('0x1', 'Revoked', '2024-01-02 03:04:05')
        r.sql("SET GLOBAL time_zone='+05:00'")
        tap.equal(status('1')['status'], 'revoked since 2024-01-02T03:04:05Z')
        r.sql("SET GLOBAL time_zone='+00:00'")


@tap.test('a huge certificate is neither sent nor read')
def huge():
    with altered('MODIFY cert longblob', 'MODIFY cert blob NOT NULL'):
        r.sql("INSERT INTO list_certs (cert_num, cert) VALUES ('0x1', REPEAT('x', 10000000)),"
              " ('0x2', REPEAT('x', 65536)), ('0x3', REPEAT('x', 65537))")
        before = int(r.sql("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")[0][1])
        tap.equal(status('1')['certificate'], 'longer than 65536 octets')
        sent = int(r.sql("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")[0][1]) - before
        assert sent < 100000, sent
        tap.contains(status('2')['certificate'], "can't be read")
        tap.equal(status('3')['certificate'], 'longer than 65536 octets')


# --- changes

@tap.test('add and revoke are stored at once, whatever the defaults of the server')
def writes():
    leaf = r.ca.issue('leaf', serial=0xA1B2)
    path = r.write('leaf.pem', leaf.pem())
    root = r.database.server.sql
    root("SET GLOBAL autocommit=0, GLOBAL time_zone='-07:00',"
         " GLOBAL sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'")
    try:
        tap.contains(r.check_ctl('add', path), 'added')
        tap.contains(status(path)['certificate'], 'leaf')
        r.check_ctl('revoke', '--reason', 'keyCompromise', '--time', '2024-01-02T03:04:05Z', path)
    finally:
        root("SET GLOBAL autocommit=1, GLOBAL time_zone='+00:00', GLOBAL sql_mode=DEFAULT")
    rows = r.sql('SELECT cert_num, revocation_time, revocation_reason, status, CONVERT(cert USING'
                 " ascii) LIKE '-----BEGIN CERT%' FROM list_certs")
    tap.equal(rows, [['0xa1b2', '2024-01-02 03:04:05', 'key_compromise', 'Revoked', '1']])
    empty()


@tap.test('a user that may only read can look, and cannot change')
def read_only():
    r.database.server.user('reader', 'pycert', 'certs', 'SELECT')
    r.insert('0x1f')
    with r.configured(db={'username': 'reader'}):
        tap.equal(status('1f')['status'], 'valid')
        refused('revoke', '1f', says='denied')
    tap.equal(status('1f')['status'], 'valid')
    empty()


# --- D-12: a server that can't be asked

@tap.test('a wrong password is told, and not printed')
def wrong_password():
    with r.configured(db={'password': 'pycert2'}):
        refused('status', '1f', says='Access denied')


@tap.test('a host that is down costs nothing: the next one is asked')
def dead_host():
    r.insert('0x1f')
    with r.configured(db={'host': '127.0.0.1:1, 127.0.0.1'}, timeout='5'):
        start = time.monotonic()
        tap.equal(status('1f')['status'], 'valid')
        assert time.monotonic() - start < 2
    with r.configured(db={'host': '127.0.0.1:1, 127.0.0.1:2'}):
        done = r.ctl('status', '1f').stderr.decode()
        tap.contains(done, '127.0.0.1:1: ')
        tap.contains(done, '127.0.0.1:2: ')
    empty()


@tap.test('a host that says nothing costs its share of the time, then the next one is asked')
def silent_host():
    r.insert('0x1f')
    with silent_server() as silent:
        with r.configured(db={'host': silent + ', 127.0.0.1'}, timeout='6'):
            start = time.monotonic()
            tap.equal(status('1f')['status'], 'valid')
            assert 1 < time.monotonic() - start < 4
    empty()


def error_packet(code):
    return fakedb.packet(1, b'\xff' + code.to_bytes(2, 'little') + b'#08S01' b'not now')


@tap.test('a host that takes connections and refuses questions: the next one is asked')
def refusing_host():
    r.insert('0x1f')
    real = '127.0.0.1:%d' % r.database.server.port
    # a node outside of its cluster (two), a server that ends, one that hangs up; they are asked to
    # prepare and to execute at once
    for answers in ([error_packet(1047) * 2], [error_packet(1205) * 2], [error_packet(1053) * 2], []):
        with fakedb.FakeServer(answers, oks=2) as first, fakedb.FakeServer(answers, oks=2) as second:
            host = '127.0.0.1:%d, 127.0.0.1:%d' % (first.port, second.port)
            with r.configured(db={'host': host + ', ' + real}, timeout='6'):
                tap.equal(status('1f')['status'], 'valid')
                checked = r.ctl('check').stdout.decode()
            tap.equal([first.messages > 1, second.messages > 1], [True, True])
            for one in host.split(', '):
                tap.contains(checked, 'the database host %s is passed over: ' % one)
            tap.contains(checked, 'the database host %s answers' % real)
            with r.configured(db={'host': host}, timeout='6'):
                refused('status', '1f')
    # that is no trouble of the server's
    with fakedb.FakeServer([error_packet(1146) * 2], oks=2) as first:
        with r.configured(db={'host': '127.0.0.1:%d, %s' % (first.port, real)}):
            refused('status', '1f', says='there is no table')
    empty()


@tap.test('a server that says nothing is given up within the deadline')
def hanging_server():
    with silent_server() as silent, r.configured(db={'host': silent}, timeout='3'):
        took = refused('status', '1f', says=silent)
        assert 1 < took < 3, took


@tap.test('a query that hangs is given up within the deadline')
def hanging_query():
    holder = subprocess.Popen(
        [mariadb.program('mariadb'), '--no-defaults', '-uroot', '-S', r.database.server.socket,
         'certs'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdin.write(b'LOCK TABLES list_certs WRITE; SELECT 1;\n')
        holder.stdin.flush()
        time.sleep(0.3)
        with r.configured(timeout='3'):
            took = refused('status', '1f', says='in time')
            assert 1 < took < 3, took
    finally:
        holder.kill()
        holder.communicate()


@tap.test('a server that is stopped, killed or frozen is no missing row')
def gone():
    server = r.database.server
    os.kill(server.pid, signal.SIGSTOP)
    with r.configured(timeout='2'):
        refused('status', '1f')
    os.kill(server.pid, signal.SIGCONT)
    server.stop(signal.SIGKILL)
    refused('status', '1f', says="can't be reached")
    server.start()
    tap.contains(status('1f', 1)['status'], 'not in table')


# --- ways to the server

@tap.test('socket= takes the Unix socket, and needs no host')
def unix_socket():
    r.insert('0x1f')
    with r.configured(db={'host': None, 'port': None, 'socket': r.database.server.socket}):
        tap.equal(status('1f')['status'], 'valid')
        tap.contains(r.ctl('check').stdout.decode(), 'at ' + r.database.server.socket)
    empty()


@tap.test('IPv6 addresses in brackets')
def ipv6():
    with r.configured(db={'host': '[::1]:%d' % r.database.server.port}):
        refused('status', '1f', says='::1')     # the server listens on 127.0.0.1 only


@contextlib.contextmanager
def server(*options, require=''):
    """One besides."""
    with mariadb.MariaDB(options=options) as db:
        db.sql('CREATE DATABASE certs')
        db.user('cert', 'pycert', 'certs', require=require)
        yield db


def server_certificate():
    """Options for a server."""
    ca, other = pki.make_root('Database CA'), pki.make_root('Other CA')
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))])
    entity = ca.issue('127.0.0.1', extensions=[(names, False)])
    for name, octets in (('db-ca.pem', ca.pem()), ('db-other.pem', other.pem()),
                         ('db.pem', entity.pem()), ('db.key', entity.key_pem())):
        r.write(name, octets, 0o644)
    return ['--ssl-cert=' + r.path('db.pem'), '--ssl-key=' + r.path('db.key'),
            '--ssl-ca=' + r.path('db-ca.pem')]


@tap.test('TLS: verified, refused with another CA, and never given up silently')
def tls():
    with server('--skip-ssl') as db:
        with r.configured(db={'port': db.port}):
            r.check_ctl('init-db')
        with r.configured(db={'port': db.port, 'tls': 'yes', 'tls_verify': 'no'}):
            refused('status', '1f', says='has no TLS')
    with server(*server_certificate(), require='REQUIRE SSL') as db:
        with r.configured(db={'port': db.port}):
            refused('init-db', says='Access denied')     # the server insists on TLS
        with r.configured(db={'port': db.port, 'tls_ca': r.path('db-ca.pem')}):
            r.check_ctl('init-db')
            tap.contains(status('1f', 1)['status'], 'not in table')
        with r.configured(db={'port': db.port, 'tls_ca': r.path('db-other.pem')}):
            refused('status', '1f')
        with r.configured(db={'port': db.port, 'tls': 'yes', 'tls_verify': 'no'}):
            tap.contains(status('1f', 1)['status'], 'not in table')


if __name__ == '__main__':
    if not mariadb.available():
        print('1..0 # SKIP no MariaDB server is installed')
        sys.exit(0)
    with Responder(store='mysql') as r:
        tap.run()
