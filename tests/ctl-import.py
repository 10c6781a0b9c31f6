#!/usr/bin/python3
"""ocspctl import: what an operator moves in, from where, and what is left alone."""
import contextlib
import datetime
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

import ocsp
import pki
import tap
from responder import Responder, stores

EX_USAGE, EX_DATAERR, EX_TEMPFAIL, EX_CONFIG = 64, 65, 75, 78
INTERRUPTED = 130

r = None


def ctl(*args, code=0):
    done = r.ctl(*args)
    text = done.stdout.decode() + done.stderr.decode()
    tap.equal(done.returncode, code, text)
    return text


def counts(text):
    """The summary: {'new': 3, …}."""
    return {what.split()[0]: int(n.replace(',', ''))
            for n, what in re.findall(r'^ +([\d,]+)  (.*)$', text, re.M)}


def rows():
    """{serial: (status, time, reason, length of certificate)}"""
    null = {None: None, 'NULL': None}
    return {row[0]: (row[1], null.get(row[2], row[2]), null.get(row[3], row[3]), int(row[4]))
            for row in r.sql('SELECT cert_num, status, revocation_time, revocation_reason,'
                             ' LENGTH(cert) FROM list_certs')}


def fresh():
    r.sql('DELETE FROM list_certs')
    r.clear_cache()


def stamp(when):
    return when.strftime('%y%m%d%H%M%SZ')


def line(leaf, status='V', revoked='', serial=None):
    number = '%X' % (serial or leaf.serial)
    return '\t'.join([status, '350101000000Z', revoked, '0' * (len(number) % 2) + number,
                      'unknown', '/C=XX/CN=leaf']) + '\n'


def index(*lines):
    return r.write('index.txt', ''.join(lines))


def folder(name, *leaves):
    path = r.folder(name)
    for leaf in leaves:
        number = '%X' % leaf.serial
        r.write('%s/%s.pem' % (name, '0' * (len(number) % 2) + number), leaf.pem())
    return path


def crl(*entries, ca=None, extensions=(), start=None):
    """entries: (serial, time, reason or None, or a critical extension)"""
    ca = ca or r.ca
    start = start or pki.now()
    builder = (x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
               .last_update(start).next_update(start + pki.DAY))
    for serial, when, reason in entries:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
        if isinstance(reason, x509.ExtensionType):
            one = one.add_extension(reason, True)
        elif reason:
            one = one.add_extension(x509.CRLReason(reason), False)
        builder = builder.add_revoked_certificate(one.build())
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(ca.key, hashes.SHA256())


def three():
    return [r.ca.issue('leaf %d' % i) for i in range(3)]


THEN = datetime.datetime(2024, 1, 2, 3, 4, 5)
THEN_SQL = '2024-01-02 03:04:05'


def with_certificates():
    fresh()
    a, b, c = three()
    path = index(line(a), line(b, 'R', stamp(THEN) + ',keyCompromise'), line(c, 'E'))
    certs = folder('newcerts', a, b, c)
    plan = ctl('import', '--certs', certs, '--dry-run', path)
    tap.equal(counts(plan), {'new': 3})
    tap.contains(plan, 'nothing was changed')
    tap.contains(plan, 'new       %s  revoked since 2024-01-02T03:04:05Z, key_compromise'
                 % hex(b.serial))
    tap.equal(rows(), {})
    tap.equal(counts(ctl('import', '--certs', certs, path)), {'new': 3})
    tap.equal(rows(), {hex(a.serial): ('Valid', None, None, len(a.pem())),
                       hex(b.serial): ('Revoked', THEN_SQL, 'key_compromise', len(b.pem())),
                       hex(c.serial): ('Valid', None, None, len(c.pem()))})
    tap.equal([str(r.ask_about(x)) for x in (a, b, c)], ['good', 'revoked(1)', 'good'])
    before = rows()
    tap.equal(counts(ctl('import', '--certs', certs, path)), {'the': 3})
    tap.equal(rows(), before)


def without_certificates():
    fresh()
    a, b, c = three()
    path = index(line(a), line(b, 'R', stamp(THEN)))
    text = ctl('import', path)
    tap.equal(counts(text), {'new': 2})
    tap.contains(text, '2 new rows have no certificate: verify=yes refuses')
    tap.equal(rows()[hex(a.serial)], ('Valid', None, None, 0))
    tap.equal(str(r.ask(r.request(a), program='ocsp-stdio')), 'internalError')
    with r.configured(verify='no'):
        assert 'verify=yes' not in ctl('import', path)
        tap.equal(str(r.ask_about(a)), 'good')
        tap.equal(str(r.ask_about(b)), 'revoked')
    text = ctl('import', folder('later', a, b, c))
    tap.equal(counts(text), {'new': 1, 'changed': 2})
    tap.equal(rows()[hex(b.serial)], ('Revoked', THEN_SQL, None, len(b.pem())))
    tap.equal(str(r.ask_about(a)), 'good')


def never_better():
    fresh()
    a, b, c = three()
    r.add(a, status='Revoked', when=THEN_SQL, reason='superseded')
    r.add(b, status='Revoked', when=THEN_SQL, reason='certificate_hold')
    r.add(c)
    path = index(line(a), line(b), line(c, 'R', stamp(THEN) + ',holdInstruction,x'))
    before = rows()
    text = ctl('import', '--lines', '9', path)
    tap.equal(counts(text), {'kept': 2, 'changed': 1})
    tap.contains(text, 'kept      %s  is revoked in the table' % hex(a.serial))
    tap.equal(rows()[hex(a.serial)], before[hex(a.serial)])
    tap.equal(rows()[hex(b.serial)], before[hex(b.serial)])
    tap.equal(rows()[hex(c.serial)][:3], ('Revoked', THEN_SQL, 'certificate_hold'))
    tap.equal(counts(ctl('import', '--release', path)), {'kept': 1, 'changed': 1, 'the': 1})
    tap.equal(rows()[hex(b.serial)][:3], ('Valid', None, None))
    tap.equal(rows()[hex(a.serial)], before[hex(a.serial)])


def bad_records():
    fresh()
    a, b, c = three()
    other = pki.make_root('Other CA').issue('foreign')
    certs = folder('mixed', a, other)
    name = '%X' % b.serial
    r.write('mixed/%s%s.pem' % ('0' * (len(name) % 2), name), 'nonsense')
    path = index(line(a), 'V\tgarbage\n', line(other), '\n', line(b),
                 line(c, 'R', stamp(THEN)), line(r.ca.issue('not there')))
    text = ctl('import', '--certs', certs, path, code=1)
    tap.equal(counts(text), {'new': 2, 'bad': 4})
    for number, why in ((2, 'six columns'), (3, 'was not issued by the CA'),
                        (5, 'no certificate that can be read'), (7, "can't be read")):
        assert re.search(r'index\.txt:%d: .*%s' % (number, re.escape(why)), text), (number, text)
    tap.equal(sorted(rows()), sorted([hex(a.serial), hex(c.serial)]))
    # a revocation counts without its certificate
    ctl('import', '--certs', certs, index(line(b, 'R', stamp(THEN)), line(other, 'R', stamp(THEN))),
        code=1)
    tap.equal(sorted(n for n, row in rows().items() if row[0] == 'Revoked'),
              sorted([hex(b.serial), hex(c.serial)]))
    path = index(line(a), 'V\tgarbage\n', line(other))
    fresh()
    text = ctl('import', '--strict', '--certs', certs, path, code=EX_DATAERR)
    tap.contains(text, 'table list_certs is as it was')
    tap.equal(rows(), {})


def bundles():
    fresh()
    a, b, c = three()
    bundle = r.write('bundle.pem', b'# comment\n' + a.pem() + b'text\n' + a.pem() +
                     b'-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n' +
                     a.key_pem() + b.pem())
    text = ctl('import', bundle, code=1)
    tap.equal(counts(text), {'new': 2, 'the': 1, 'bad': 1})
    number = (b'# comment\n' + a.pem() + b'text\n' + a.pem()).count(b'\n') + 1
    tap.contains(text, 'bundle.pem:%d: ' % number)
    tap.equal(counts(ctl('import', r.write('two.der', b.der() + c.der()))),
              {'new': 1, 'the': 1})
    tap.equal(counts(ctl('import', '--format', 'certs', r.write('c.der', c.der()))), {'the': 1})
    empty = r.folder('empty')
    tap.equal(counts(ctl('import', empty)), {})
    r.write('empty/key.pem', a.key_pem())
    tap.contains(ctl('import', empty, code=1), 'there is no certificate in it')


def a_folder_of_many():
    fresh()
    key = pki.make_key()
    leaves = [r.ca.issue('leaf', key=key) for _ in range(1203)]
    path = folder('many', *leaves)
    tap.equal(counts(ctl('import', path)), {'new': 1203})
    tap.equal(len(rows()), 1203)
    tap.equal(counts(ctl('import', path)), {'the': 1203})


def from_crl():
    fresh()
    a, b, c = map(r.add, three())
    absent = r.ca.issue('absent')
    for leaf in (a, b):
        tap.equal(str(r.ask_about(leaf)), 'good')
    der = crl((a.serial, THEN, x509.ReasonFlags.key_compromise), (b.serial, THEN, None),
              (absent.serial, THEN, None)).public_bytes(Encoding.DER)
    text = ctl('import', r.write('ca.crl', der))
    tap.equal(counts(text), {'changed': 2, 'absent': 1})
    tap.contains(text, 'cached answers: 2 removed, 2 signed anew')
    tap.equal(rows()[hex(a.serial)][:3], ('Revoked', THEN_SQL, 'key_compromise'))
    tap.equal(rows()[hex(b.serial)][:3], ('Revoked', THEN_SQL, None))
    tap.equal([str(r.ask_about(x)) for x in (a, b, c)], ['revoked(1)', 'revoked', 'good'])
    pem = crl((a.serial, THEN, None)).public_bytes(Encoding.PEM)
    tap.equal(counts(ctl('import', r.write('ca.pem.crl', pem))), {'the': 1})


def wrong_crls():
    fresh()
    a = r.add(r.ca.issue('a'))
    entry = (a.serial, THEN, None)
    namesake = pki.make_root('fake', name=r.ca.certificate.subject)
    scope = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
    some = x509.IssuingDistributionPoint(None, None, False, False, frozenset(
        [x509.ReasonFlags.key_compromise]), False, False)
    of_attributes = x509.IssuingDistributionPoint(None, None, False, False, None, False, True)
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier('1.2.3.4'), b'\5\0')
    other = x509.CertificateIssuer([x509.DirectoryName(pki.make_name('Other CA'))])
    for made, why in ((crl(entry, ca=pki.make_root('Other CA')), 'of another CA'),
                      (crl(entry, ca=namesake), 'not signed with the key'),
                      (crl(entry, extensions=[(x509.DeltaCRLIndicator(1), True)]), 'delta CRL'),
                      (crl(entry, extensions=[(scope, True)]), 'indirect CRL'),
                      (crl(entry, extensions=[(some, True)]), 'some reasons only'),
                      (crl(entry, extensions=[(of_attributes, True)]), 'attribute certificates'),
                      (crl(entry, extensions=[(odd, True)]), 'critical'),
                      (crl((a.serial, THEN, odd)), 'an entry of another CA, or with a critical'),
                      (crl((a.serial, THEN, other)), 'an entry of another CA')):
        path = r.write('wrong.crl', made.public_bytes(Encoding.DER))
        tap.contains(ctl('import', path, code=EX_DATAERR), why)
    tap.equal(rows()[hex(a.serial)][0], 'Valid')


def from_tables():
    fresh()
    a, b, c = three()
    r.sql('DROP TABLE IF EXISTS other_certs')
    r.sql('CREATE TABLE other_certs (cert_num varchar(50) NOT NULL PRIMARY KEY,'
          ' revocation_time %s, revocation_reason varchar(40), status varchar(20))'
          % ('datetime' if r.store == 'mysql' else 'text'))
    r.sql("INSERT INTO other_certs VALUES ('%s', NULL, NULL, 'Valid'),"
          " ('%s', '%s', 'superseded', 'Revoked'), ('0x1f', NULL, NULL, 'Lost'),"
          " ('non\x1b\x9bsense', NULL, NULL, 'Valid')"
          % (hex(a.serial), '0x00%X' % b.serial, THEN_SQL))
    text = ctl('import', '--from-table', 'other_certs', code=1)
    tap.equal(counts(text), {'new': 2, 'bad': 2})
    tap.contains(text, 'other_certs, row 0x1f: its status is neither')
    tap.contains(text, 'other_certs, row non???sense: its cert_num is no serial number')
    tap.contains(text, '2 new rows have no certificate')
    tap.equal(rows()[hex(b.serial)], ('Revoked', THEN_SQL, 'superseded', 0))
    # and one with certificates
    r.sql('DROP TABLE other_certs')
    ctl('import', folder('abc', a, b, c))
    r.sql('CREATE TABLE other_certs AS SELECT * FROM list_certs')
    r.sql('ALTER TABLE other_certs ADD PRIMARY KEY (cert_num)' if r.store == 'mysql'
          else 'CREATE UNIQUE INDEX other_key ON other_certs (cert_num)')
    before = rows()
    fresh()
    tap.equal(counts(ctl('import', '--from-table', 'other_certs')), {'new': 3})
    tap.equal(rows(), before)
    tap.equal(counts(ctl('import', '--from-table', 'other_certs')), {'the': 3})
    r.sql('DROP TABLE other_certs')
    tap.contains(ctl('import', '--from-table', 'other_certs', code=EX_TEMPFAIL), 'other_certs')
    # of numbers, none of which comes behind a text
    r.sql('CREATE TABLE other_certs (cert_num integer, revocation_time varchar(40),'
          ' revocation_reason varchar(40), status varchar(20))')
    r.sql("INSERT INTO other_certs VALUES (NULL, NULL, NULL, 'Valid')")
    if r.store == 'sqlite':
        r.sql("INSERT INTO other_certs VALUES (31, NULL, NULL, 'Valid')")
    tap.contains(ctl('import', '--from-table', 'other_certs', code=EX_TEMPFAIL),
                 'is its cert_num a column of text?')
    r.sql('DROP TABLE other_certs')


def twins():
    """Without a primary key a number may be there twice: also where a page ends."""
    fresh()
    r.sql('DROP TABLE IF EXISTS other_certs')
    r.sql('CREATE TABLE other_certs (cert_num varchar(50), revocation_time varchar(40),'
          ' revocation_reason varchar(40), status varchar(20))')
    number = lambda i: hex(0x10000 + i)
    r.sql('INSERT INTO other_certs VALUES ' + ','.join(
        ["('%s', NULL, NULL, 'Valid')" % number(i) for i in range(1000)] +
        ["('%s', '%s', 'superseded', 'Revoked')" % (number(i), THEN_SQL) for i in (499, 999)]))
    tap.contains(ctl('import', '--from-table', 'other_certs'), 'table: 1,002 records read')
    tap.equal(sorted(n for n, row in rows().items() if row[0] == 'Revoked'),
              [number(499), number(999)])
    with r.configured(table='other_certs'):
        tap.equal(len(ctl('list').splitlines()), 1002)
    r.sql("UPDATE other_certs SET cert_num = '0x1'")
    tap.contains(ctl('import', '--from-table', 'other_certs', code=EX_TEMPFAIL),
                 'too many rows with one cert_num')
    r.sql('DROP TABLE other_certs')


def odd_keys():
    fresh()
    a, b, c = three()
    r.insert('0x00%X' % a.serial, certificate=a.pem())
    r.insert('0x%X' % b.serial, certificate=b.pem())
    path = index(line(a, 'R', stamp(THEN)), line(b), line(c))
    tap.equal(counts(ctl('import', path)), {'new': 1, 'changed': 1, 'the': 1})
    tap.equal(len(rows()), 3)
    tap.equal(rows()['0x00%X' % a.serial][0], 'Revoked')


@contextlib.contextmanager
def table_of_text():
    """A table whose words are free: not every CA has enums."""
    r.sql('DROP TABLE IF EXISTS free_certs')
    r.sql('CREATE TABLE free_certs (cert_num varchar(50) PRIMARY KEY, revocation_time varchar(40),'
          ' revocation_reason varchar(40), cert blob, status varchar(20))')
    with r.configured(table='free_certs', verify='no'):
        yield
    r.sql('DROP TABLE free_certs')


def on_hold():
    with table_of_text():
        words = ('certificateHold', '6', 'Certificate_Hold')
        for i, word in enumerate(words):
            r.insert(hex(0x10 + i), 'Revoked', THEN_SQL, word, table='free_certs')
        tap.contains(ctl('release', '10'), '0x10 is valid')
        # more than one batch
        path = index(*(line(None, serial=0x10 + i) for i in range(600)),
                     line(None, 'R', stamp(THEN), serial=0x2000))
        tap.equal(counts(ctl('import', '--release', path)), {'new': 598, 'changed': 2, 'the': 1})
        tap.equal(len(ctl('list', '--status', 'valid').splitlines()), 600)


def a_row_is_gone():
    if r.store != 'sqlite':
        return
    fresh()
    r.insert('0x10')
    r.sql('CREATE TRIGGER gone BEFORE UPDATE ON list_certs BEGIN SELECT RAISE(IGNORE); END')
    path = index(line(None, 'R', stamp(THEN), serial=0x10),
                 *(line(None, serial=0x1000 + i) for i in range(600)))
    try:
        text = ctl('import', path, code=EX_TEMPFAIL)
    finally:
        r.sql('DROP TRIGGER gone')
    tap.contains(text, 'somebody else has changed table list_certs meanwhile')
    tap.equal(list(rows()), ['0x10'])


def clash():
    fresh()
    a = r.ca.issue('a')
    twin = r.ca.issue('twin', serial=a.serial)
    r.add(twin)
    text = ctl('import', r.write('a.pem', a.pem()), code=1)
    tap.contains(text, 'another certificate with this number')
    tap.equal(counts(text), {'clashes': 1})
    r.sql("UPDATE list_certs SET cert = 'nonsense'")
    tap.equal(counts(ctl('import', r.write('a.pem', a.pem()))), {'changed': 1})
    tap.equal(rows()[hex(a.serial)][3], len(a.pem()))


def another_ca():
    """Of two CAs with one table, neither's word counts for a certificate of the other."""
    fresh()
    other = pki.make_root('Second')
    serials = range(0x1001, 0x1005)
    theirs = [other.issue('theirs', serial=n) for n in serials]
    r.add(theirs[0])
    r.add(theirs[1], status='Revoked', when=THEN_SQL, reason='certificate_hold')
    r.add(theirs[2], status='Revoked', when=THEN_SQL, reason='superseded')
    mine = r.add(r.ca.issue('mine', serial=serials[3]))
    before = rows()
    path = r.write('ours.crl', crl((serials[0], THEN, None), (serials[1], THEN, None),
                                   (mine.serial, THEN, None)).public_bytes(Encoding.DER))
    valid = index(line(None, serial=serials[1]), line(None, serial=serials[2]))
    clause = "0x%x: the table's row of this number is a certificate of another CA"
    r.add_ca('second', other)
    r.sql('DROP TABLE IF EXISTS other_certs')
    try:
        of_theirs = ocsp.certid(other.certificate, serials[0])
        tap.equal(str(r.ask(ocsp.request(of_theirs))), 'good')
        for more in (('--dry-run',), ()):
            text = ctl('--ca', 'ocsp', 'import', *more, path, code=1)
            tap.equal(counts(text), {'changed': 1, 'clashes': 2})
            tap.contains(text, clause % serials[0])
            tap.contains(text, clause % serials[1])
        text = ctl('--ca', 'ocsp', 'import', '--release', valid, code=1)
        tap.equal(counts(text), {'clashes': 2})
        own = folder('own', r.ca.issue('own', serial=serials[0]))
        tap.equal(counts(ctl('--ca', 'ocsp', 'import', own, code=1)), {'clashes': 1})
        r.sql('CREATE TABLE other_certs AS SELECT * FROM list_certs')
        r.sql("UPDATE other_certs SET cert = '', status = 'Revoked', revocation_time = '%s'"
              % THEN_SQL)
        text = ctl('--ca', 'ocsp', 'import', '--from-table', 'other_certs', code=1)
        tap.equal(counts(text), {'clashes': 1, 'the': 3})
        tap.equal(rows(), dict(before, **{hex(mine.serial):
                                          ('Revoked', THEN_SQL, None, len(mine.pem()))}))
        # their own CA's word does
        tap.equal(counts(ctl('--ca', 'second', 'import', '--release', valid)),
                  {'changed': 1, 'kept': 1})
        path = r.write('theirs.crl', crl((serials[0], THEN, None), ca=other)
                       .public_bytes(Encoding.DER))
        tap.equal(counts(ctl('--ca', 'second', 'import', path)), {'changed': 1})
        tap.equal(str(r.ask(ocsp.request(of_theirs))), 'revoked')
    finally:
        r.sql('DROP TABLE IF EXISTS other_certs')
        r.cas.clear()
        r.configure()


def command_line():
    a = r.write('a.pem', r.ca.issue('a').pem())
    for args in ((), (a, a), ('--format', 'pem', a), ('--from-table', 'x', a), ('--lines', 'x', a),
                 ('--from-table', 'x', '--certs', 'y'), ('--certs', r.dir, a), ('--nope', a)):
        ctl('import', *args, code=EX_USAGE)
    tap.contains(ctl('import', r.write('text', 'hello\n'), code=EX_DATAERR), '--format')
    tap.contains(ctl('import', '/nonexistent', code=74), '/nonexistent')
    tap.contains(ctl('import', '--format', 'crl', a, code=EX_DATAERR), 'no CRL')
    tap.contains(ctl('import', '--format', 'index', a, code=1), 'a.pem:1: ')


def interrupted():
    fresh()
    r.write('long.txt', ''.join(line(None, serial=0x100000 + i) for i in range(300000)))
    child = r.start('ocspctl', 'import', r.path('long.txt'), stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    time.sleep(0.7)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    if child.returncode == 0:
        tap.skip('it was faster')
    tap.equal(child.returncode, INTERRUPTED, err.decode())
    tap.contains(err.decode(), 'interrupted: table list_certs is as it was')
    tap.equal(rows(), {})


def interrupted_early():
    """While it waits for somebody else, and has asked for nothing yet."""
    if r.store != 'sqlite':
        return
    fresh()
    r.insert('0x1f')
    index(line(None, serial=0x10))
    other = sqlite3.connect(r.database.file, isolation_level=None)
    for args in (('import', r.path('index.txt')), ('revoke', '1f'), ('export',)):
        other.execute('BEGIN EXCLUSIVE')
        child = r.start('ocspctl', *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        other.execute('ROLLBACK')
        out, err = child.communicate(timeout=60)
        tap.equal(child.returncode, INTERRUPTED, err.decode())
        assert 'no time' not in err.decode(), err
    other.close()
    tap.equal([(n, row[0]) for n, row in rows().items()], [('0x1f', 'Valid')])


def accounts():
    if r.store != 'mysql':
        cnf, path = r.write('my.cnf', '[client]\nuser=x\n'), index(line(None, serial=1))
        tap.contains(ctl('--defaults-file', cnf, 'import', path, code=EX_USAGE),
                     'SQLite has no accounts')
        return
    fresh()
    server = r.database.server
    server.user('reader', 'r3ad', 'certs', grants='SELECT')
    server.user('writer', 'wr#te', 'certs')
    path = index(line(None, serial=0x1f))
    with r.configured(db={'username': 'reader', 'password': 'r3ad'}, verify='no'):
        text = ctl('import', path, code=EX_TEMPFAIL)
        assert 'denied' in text and 'r3ad' not in text, text
        tap.equal(counts(ctl('import', '--dry-run', path)), {'new': 1})
        cnf = r.write('my.cnf', '[client]\nuser=writer\npassword="wr#te" # mine\n')
        tap.equal(counts(ctl('--defaults-file', cnf, 'import', path)), {'new': 1})
        ctl('revoke', '1f', code=EX_TEMPFAIL)
        ctl('--defaults-file', cnf, 'revoke', '1f')
        os.chmod(cnf, 0o644)
        tap.contains(ctl('--defaults-file', cnf, 'revoke', '1f'), 'chmod 600')
        for bad, why in (('[client]\npassword=x\n', 'names no user'), ('!include x\n', ':1: '),
                         ('[client]\nuser=writer\npassword=wrong\n', 'denied')):
            text = ctl('--defaults-file', r.write('bad.cnf', bad), 'revoke', '1f',
                       code=EX_TEMPFAIL if why == 'denied' else EX_CONFIG)
            tap.contains(text, why)
        with open(r.config, 'a') as f:
            f.write('[admin]\nusername=writer\npassword="wr#te"\n')
        ctl('revoke', '--reason', '4', '1f')
        tap.equal(rows()['0x1f'][2], 'superseded')
        tap.equal(str(r.ask(r.request(0x1f))), 'revoked(4)')


TESTS = [
    ('import: index.txt with its certificates; done again, nothing changes', with_certificates),
    ('import: index.txt without certificates says what verify=yes makes of it',
     without_certificates),
    ('import: nothing that is revoked becomes valid, but a hold with --release', never_better),
    ('import: bad records are told with file and line, and stop nothing but --strict',
     bad_records),
    ('import: bundles, PEM and DER', bundles),
    ('import: a folder with more than a batch', a_folder_of_many),
    ('import: a CRL, and the cache says it before the command ends (U-3)', from_crl),
    ('import: a CRL that is not the whole truth of this CA is refused', wrong_crls),
    ('import: another table, without certificates and with them', from_tables),
    ('import: of rows with one number none is passed over', twins),
    ('import: rows are found in whatever form their keys are', odd_keys),
    ('import: a hold is released in whatever word the table has it', on_hold),
    ('import: a row that is gone is not the end of the file', a_row_is_gone),
    ('import: never one certificate for another', clash),
    ('import: never what one CA says for what another has issued', another_ca),
    ('import: the command line', command_line),
    ('import: SIGINT leaves nothing half done', interrupted),
    ('import, revoke, export: SIGINT before anything has begun', interrupted_early),
    ('an account that may only read is enough for the responder', accounts),
]


def one(kind, function):
    global r
    r = responders.setdefault(kind, None) or start(kind)
    function()


def start(kind):
    responders[kind] = Responder(store=kind, recheck='3600')
    responders[kind].store = kind
    return responders[kind]


def close():
    for each in responders.values():
        if each:
            each.close()


responders = {}
for kind in stores():
    for name, function in TESTS:
        tap.add('%s: %s' % (kind, name), one, kind, function)

if __name__ == '__main__':
    tap.run(close)
