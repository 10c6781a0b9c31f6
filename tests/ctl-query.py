#!/usr/bin/python3
"""ocspctl: what is shown, written out, explained and compared; hold and release."""
import contextlib
import csv
import datetime
import functools
import http.server
import io
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

import ocsp
import pki
import tap
from responder import Responder, stores

EX_USAGE, EX_DATAERR, EX_IOERR, EX_TEMPFAIL = 64, 65, 74, 75
FAQ = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'docs', 'faq.md')
THEN, THEN_SQL = datetime.datetime(2024, 1, 2, 3, 4, 5), '2024-01-02 03:04:05'

r = None


def run(*args, code=0):
    done = r.ctl(*args)
    tap.equal(done.returncode, code, (done.stdout + done.stderr).decode())
    return done.stdout.decode(), done.stderr.decode()


def ctl(*args, code=0):
    return ''.join(run(*args, code=code))


def fresh():
    r.sql('DELETE FROM list_certs')
    r.clear_cache()


def some_rows():
    fresh()
    a, b, c = (r.ca.issue('leaf %d' % i) for i in range(3))
    r.add(a)
    r.add(b, status='Revoked', when=THEN_SQL, reason='key_compromise')
    r.add(c, status='Revoked', when='2025-06-07 08:09:10', reason='certificate_hold')
    return a, b, c


def row(serial):
    values = r.sql("SELECT status, revocation_time, revocation_reason FROM list_certs"
                   " WHERE cert_num = '%s'" % hex(serial))[0]
    return {name: None if v in (None, 'NULL') else v
            for name, v in zip(('status', 'time', 'reason'), values)}


# --- list

def listed(*args, code=0):
    return {one['serial']: one for one in json.loads(run('list', '--json', *args, code=code)[0])}


def list_filters():
    a, b, c = some_rows()
    A, B, C = (hex(x.serial) for x in (a, b, c))
    tap.equal(listed()[A], {'serial': A, 'status': 'valid', 'revoked_at': None, 'reason': None})
    tap.equal(listed()[B], {'serial': B, 'status': 'revoked', 'revoked_at': '2024-01-02T03:04:05Z',
                            'reason': 'key_compromise'})
    for args, wanted in (((), [A, B, C]), (('--status', 'valid'), [A]),
                         (('--status', 'revoked'), [B, C]), (('--reason', 'hold'), None),
                         (('--reason', 'certificateHold'), [C]), (('--reason', '1'), [B]),
                         (('--since', '2025-01-01'), [C]), (('--until', '2025-01-01'), [B]),
                         (('--since', THEN_SQL, '--until', THEN_SQL), [B]),
                         (('--serial', A[2:9]), [A]), (('--serial', '00' + B[2:].upper()), [B]),
                         (('--status', 'odd'), []), (('--reason', '4'), [])):
        if wanted is None:
            ctl('list', *args, code=EX_USAGE)
        else:
            tap.equal(sorted(listed(*args, code=0 if wanted else 1)), sorted(wanted), args)
    out = run('list', '--csv')[0]
    tap.equal([line['serial'] for line in csv.DictReader(io.StringIO(out))], sorted([A, B, C]))
    plain = run('list')[0].splitlines()
    tap.equal(len(plain), 3)
    assert re.fullmatch('%s +revoked +2024-01-02T03:04:05Z +key_compromise' % B,
                        plain[sorted([A, B, C]).index(B)]), plain
    for args in (('x',), ('--status', 'good'), ('--since', 'today'), ('--serial', 'xyz'),
                 ('--no',)):
        ctl('list', *args, code=EX_USAGE)


def list_odd():
    fresh()
    r.insert('red\x1b[31m')
    r.insert('0x00AB')
    out = run('list')[0]
    assert '\x1b' not in out, out
    tap.contains(out, 'red?[31m')
    tap.contains(out, '0xab ')
    tap.equal(len(json.loads(run('list', '--json')[0])), 2)


def list_streams():
    fresh()
    r.sql('INSERT INTO list_certs (cert_num, cert, status) VALUES ' + ','.join(
        "('0x%x', '', 'Valid')" % (0x10000 + i) for i in range(3001)))
    tap.equal(len(run('list')[0].splitlines()), 3001)
    tap.equal(len(listed()), 3001)
    child = r.start('ocspctl', 'list', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    tap.equal(child.stderr.read(), b'ocspctl: standard output can\'t be written\n')
    tap.equal(child.wait(60), EX_IOERR)


# --- export

def export_index():
    a, b, c = some_rows()
    r.insert('0x1f', certificate=b'')
    r.insert('0x2f', status='Revoked', when=THEN_SQL, reason='aa_compromise')
    out, err = run('export')
    lines = {line.split('\t')[3]: line.split('\t') for line in out.splitlines()}
    end = a.certificate.not_valid_after.strftime('%y%m%d%H%M%SZ')
    number = '%X' % a.serial
    number = '0' * (len(number) % 2) + number
    tap.equal(lines[number], ['V', end, '', number, 'unknown', '/C=XX/O=Test/CN=leaf 0'])
    number = '%X' % b.serial
    number = '0' * (len(number) % 2) + number
    tap.equal(lines[number][:3], ['R', end, '240102030405Z,keyCompromise'])
    tap.equal(lines['1F'], ['V', '99991231235959Z', '', '1F', 'unknown', '/CN=unknown'])
    tap.equal(lines['2F'][2], '240102030405Z')
    tap.contains(err, '2 rows have no certificate')
    tap.contains(err, '1 reasons are left out')
    # what was written is taken back
    path = r.path('work', 'index.txt')
    tap.equal(run('export', path)[0], '')
    with open(path) as f:
        tap.equal(f.read(), out)
    before = sorted(map(tuple, r.sql('SELECT cert_num, status, revocation_time FROM list_certs')))
    fresh()
    ctl('import', path)
    tap.equal(sorted(map(tuple, r.sql('SELECT cert_num, status, revocation_time'
                                      ' FROM list_certs'))), before)


def export_openssl():
    """openssl itself reads it."""
    a, b, c = some_rows()
    path = r.path('work', 'index.txt')
    ctl('export', '--format', 'index', path)
    r.write('work/req.der', r.request(b))
    done = subprocess.run(
        ['openssl', 'ocsp', '-index', path, '-CA', r.path('ca.pem'), '-rsigner', r.path('ca.pem'),
         '-rkey', r.path('ca.key'), '-reqin', r.path('work', 'req.der'), '-respout',
         r.path('work', 'resp.der'), '-ndays', '1'], capture_output=True)
    tap.equal(done.returncode, 0, done.stderr.decode())
    with open(r.path('work', 'resp.der'), 'rb') as f:
        tap.equal(str(ocsp.Response(f.read())), 'revoked(1)')


def export_crl():
    """By what docs/faq.md says, where a certificate was renewed and two rows have none."""
    some_rows()
    for _ in range(2):
        r.add(r.ca.issue('twice'))
    r.insert('0x1e')
    r.insert('0x1f')
    folder = r.folder('work', 'crl')
    with open(FAQ) as f:
        recipe = re.search(r'cat > crl.cnf <<END\n.*?^END\n', f.read(), re.M | re.S).group()
    ctl('export', r.path('work', 'crl', 'index.txt'))
    with open(os.path.join(folder, 'index.txt')) as f:
        subjects = [line.rsplit('\t', 1)[1].rstrip() for line in f if line.startswith('V')]
    for subject in ('/CN=unknown', '/C=XX/O=Test/CN=twice'):
        tap.equal(subjects.count(subject), 2, subjects)
    done = subprocess.run(
        ['sh', '-ec', '[ -e crlnumber ] || echo 01 > crlnumber\n' + recipe.replace('/root/pki', folder)
         + 'openssl ca -config crl.cnf -cert "$0" -keyfile "$1" -gencrl -out ca.crl\n'
         'openssl crl -in ca.crl -noout -text', r.path('ca.pem'), r.path('ca.key')],
        cwd=folder, capture_output=True, text=True)
    tap.equal(done.returncode, 0, done.stderr)
    tap.equal(done.stdout.count('Serial Number:'), 2, done.stdout)


def export_csv():
    a, b, c = some_rows()
    d = r.add(r.ca.issue('x, "y"'))
    rows = {line['serial']: line for line in csv.DictReader(io.StringIO(run(
        'export', '--format', 'csv')[0]))}
    tap.equal(rows[hex(d.serial)]['subject'], '/C=XX/O=Test/CN=x, "y"')
    tap.equal(rows[hex(b.serial)]['revoked_at'], '2024-01-02T03:04:05Z')
    tap.equal(rows[hex(a.serial)]['not_after'],
              a.certificate.not_valid_after.strftime('%Y-%m-%dT%H:%M:%SZ'))
    tap.equal(len(rows), 4)


def export_files():
    some_rows()
    ctl('export', '/nonexistent/index.txt', code=EX_IOERR)
    ctl('export', 'a', 'b', code=EX_USAGE)
    ctl('export', '--format', 'xml', code=EX_USAGE)
    path = r.path('work', 'kept.txt')
    r.write('work/kept.txt', 'old')
    r.database.stop()
    try:
        ctl('export', path, code=EX_TEMPFAIL)
    finally:
        r.database.start()
    with open(path) as f:
        tap.equal(f.read(), 'old')
    tap.equal([n for n in os.listdir(r.path('work')) if n.startswith('kept')], ['kept.txt'])
    r.insert('nonsense')
    tap.contains(ctl('export', code=1), 'row nonsense is left out')


def replaced():
    """Root must not turn /dev/null or /dev/stdout into a file."""
    some_rows()
    fifo, link = r.path('work', 'fifo'), r.path('work', 'link')
    os.mkfifo(fifo)
    os.symlink(r.path('work', 'index.txt'), link)
    for path in (fifo, link):
        kind = os.lstat(path).st_mode
        for args in (('export', path), ('metrics', '--openmetrics', '--output', path),
                     ('report', '--no-check', '--output', path)):
            tap.contains(ctl(*args, code=EX_IOERR), 'no regular file')
        tap.equal(os.lstat(path).st_mode, kind)


def export_closed():
    """Nothing else takes the place of a standard output that is closed."""
    a, b, c = some_rows()
    r.insert('nonsense')
    path = r.path('work', 'closed.txt')

    def close():
        os.close(1)
        os.close(2)

    done = r.run('ocspctl', 'export', path, preexec_fn=close)
    tap.equal(done.returncode, 1)
    with open(path) as f:
        tap.equal(sorted(line[:2] for line in f.read().splitlines()), ['R\t', 'R\t', 'V\t'])
    tap.equal(r.run('ocspctl', 'list', preexec_fn=close).returncode, EX_IOERR)


@contextlib.contextmanager
def two_cas():
    """A second CA with the same table, and two certificates of it there: valid, and on hold."""
    fresh()
    other = pki.make_root('Second')
    r.add_ca('second', other)
    try:
        yield (other, r.add(other.issue('theirs', serial=0x1001)),
               r.add(other.issue('held', serial=0x1002), status='Revoked', when=THEN_SQL,
                     reason='certificate_hold'))
    finally:
        r.cas.clear()
        r.configure()


def export_one_ca():
    """A CRL that is made of it has no number of another CA's."""
    with two_cas() as (other, theirs, held):
        r.add(r.ca.issue('mine', serial=0x1003))
        r.insert('0x1f')
        r.add(pki.make_root('Stranger').issue('stray', serial=0x1004))
        r.insert('nonsense', certificate=other.issue('odd').pem())
        numbers = lambda text: sorted(line.split('\t')[3] for line in text.splitlines())
        out, err = run('--ca', 'ocsp', 'export')
        tap.equal(numbers(out), ['1003', '1F'])
        tap.contains(err, '4 rows are left out: certificates of another CA')
        out, err = run('--ca', 'second', 'export', '--format', 'csv', code=1)
        tap.equal(sorted(line.split(',')[0] for line in out.splitlines()[1:]),
                  [hex(theirs.serial), hex(held.serial), '0x1f'])
        tap.contains(err, '2 rows are left out: certificates of another CA')
        tap.contains(err, 'row nonsense is left out: that is no serial number')
        path = r.path('work', 'second.txt')
        ctl('--ca', 'second', 'export', path, code=1)
        with open(path) as f:
            tap.equal(numbers(f.read()), ['1001', '1002', '1F'])
        # without --ca it is what both of them have
        r.sql("DELETE FROM list_certs WHERE cert_num = 'nonsense'")
        out, err = run('export')
        tap.equal(numbers(out), ['1001', '1002', '1003', '1F'])
        tap.contains(err, '1 rows are left out')
        r.cas['second']['cert'] = 'nowhere.pem'
        r.configure()
        out, err = run('--ca', 'second', 'export', code=EX_IOERR)
        tap.equal(out, '')
        tap.contains(err, 'nowhere.pem')
        tap.equal(numbers(run('--ca', 'ocsp', 'export')[0]), ['1003', '1F'])
    with two_cas():
        r.cas.clear()
        r.configure()
        out, err = run('export')
        tap.equal(out, '')
        tap.contains(err, '2 rows are left out: certificates of another CA')


# --- hold and release

def rows_of_another_ca():
    with two_cas() as (other, theirs, held):
        before = row(theirs.serial), row(held.serial)
        of_theirs = ocsp.request(ocsp.certid(other.certificate, theirs.serial))
        tap.equal(str(r.ask(of_theirs)), 'good')
        # a certificate names its CA, and its number may be another one's in the table
        twin = r.write('twin.pem', r.ca.issue('twin', serial=theirs.serial).pem())
        for args, leaf in ((('--ca', 'ocsp', 'revoke', '1001'), theirs),
                           (('revoke', twin), theirs), (('--ca', 'ocsp', 'hold', '1001'), theirs),
                           (('--ca', 'ocsp', 'revoke', '1002'), held),
                           (('--ca', 'ocsp', 'release', '1002'), held)):
            tap.contains(ctl(*args, code=1), '%s in table list_certs is a certificate of CA '
                         '[second]: say --ca second' % hex(leaf.serial))
        tap.equal((row(theirs.serial), row(held.serial)), before)
        tap.contains(ctl('--ca', 'second', 'release', '1002'), '0x1002 is valid')
        tap.contains(ctl('--ca', 'second', 'revoke', '1001'), '1 removed, 1 signed anew')
        tap.equal(str(r.ask(of_theirs)), 'revoked')
        # whose it is nobody knows, or no CA here: the operator does
        r.insert('0x1f')
        r.add(pki.make_root('Stranger').issue('stray', serial=0x1004))
        for number in ('1f', '1004'):
            tap.contains(ctl('--ca', 'ocsp', 'revoke', number), 'is revoked')
        # nor does a certificate that can't be read keep anybody from revoking
        section = r.cas['second']
        r.unrevoke(theirs)
        r.cas['second'] = dict(section, cert='nowhere.pem')
        r.configure()
        text = ctl('--ca', 'ocsp', 'revoke', '1001')
        tap.contains(text, '0x1001 is revoked')
        assert 'nowhere' not in text, text
        # another table is another matter
        r.unrevoke(theirs)
        r.cas['second'] = dict(section, table='seconds')
        r.configure()
        tap.contains(ctl('--ca', 'ocsp', 'revoke', '1001'), '0x1001 is revoked')



def hold():
    fresh()
    a = r.add(r.ca.issue('a'))
    tap.equal(str(r.ask_about(a)), 'good')
    out = ctl('hold', hex(a.serial))
    tap.contains(out, 'reason certificate_hold (6)')
    tap.contains(out, '1 removed, 1 signed anew')
    tap.equal(str(r.ask_about(a)), 'revoked(6)')
    ctl('hold', '--time', '2024-01-02T03:04:05Z', hex(a.serial))
    tap.equal(row(a.serial), {'status': 'Revoked', 'time': THEN_SQL, 'reason': 'certificate_hold'})
    ctl('hold', hex(a.serial))
    tap.equal(row(a.serial)['time'], THEN_SQL)
    out = ctl('release', hex(a.serial))
    tap.contains(out, 'is valid')
    tap.equal(row(a.serial), {'status': 'Valid', 'time': None, 'reason': None})
    tap.equal(str(r.ask_about(a)), 'good')
    tap.contains(ctl('release', hex(a.serial), code=1), 'not on hold')


def hold_then_revoke():
    fresh()
    a = r.add(r.ca.issue('a'))
    ctl('hold', '--time', '2024-01-02T03:04:05Z', hex(a.serial))
    said = json.loads(run('revoke', '--json', '--reason', '1', hex(a.serial))[0])
    tap.equal(said, {'serial': hex(a.serial), 'status': 'revoked',
                     'revoked_at': '2024-01-02T03:04:05Z', 'reason': 'key_compromise'})
    tap.contains(ctl('release', hex(a.serial), code=1), 'for good')
    tap.contains(ctl('hold', hex(a.serial), code=1), 'for good')
    tap.contains(ctl('revoke', '--reason', 'certificateHold', hex(a.serial), code=1), 'for good')
    tap.equal(row(a.serial)['reason'], 'key_compromise')
    ctl('hold', '1f', code=1)
    with r.configured(profile='br'):
        b = r.add(r.ca.issue('b'))
        tap.contains(ctl('hold', hex(b.serial), code=1), 'BR 7.2.2')
        tap.contains(ctl('revoke', '--reason', '6', hex(b.serial), code=1), 'BR 7.2.2')
        tap.equal(row(b.serial)['status'], 'Valid')


def json_add():
    fresh()
    a, other = r.ca.issue('a'), pki.make_root('Other CA').issue('b')
    path = r.write('both.pem', a.pem() + other.pem())
    said = json.loads(run('add', '--json', path, code=1)[0])
    tap.equal([(one['result'], one['serial'], one['file']) for one in said],
              [('added', hex(a.serial), path), ('refused', hex(other.serial), path)])
    said = json.loads(run('add', '--json', r.write('a.pem', a.pem()))[0])
    tap.equal(said[0]['result'], 'present')
    if r.database.config()['type'] == 'mysql':
        run('--defaults-file', '/nonexistent', 'add', path, code=78)


def json_status():
    a, b, c = some_rows()
    r.ask_about(b)
    said = json.loads(run('status', '--json', hex(b.serial))[0])
    tap.equal((said['status'], said['reason'], said['row']), ('revoked', 'key_compromise',
                                                              hex(b.serial)))
    tap.equal(said['certificate']['subject'], 'C = XX, O = Test, CN = leaf 1')
    tap.equal([(one['hash'], one['status'], one['verdict']) for one in said['cached']],
              [('sha1', 'revoked', 'hit')])
    tap.equal(json.loads(run('status', '--json', '1f', code=1)[0])['status'], None)


# --- explain

def explained(*args):
    """{step: [sentences]} of what explain says."""
    steps, last = {}, None
    for line in ctl('explain', *args).splitlines():
        step = line[:13].strip() or last
        steps.setdefault(step, []).append(line[13:])
        last = step
    return steps


def explain_states():
    a, b, c = some_rows()
    said = explained(hex(a.serial))
    tap.contains(said['issuer'][0], 'section [ocsp]')
    tap.contains(said['issuer'][0], '(sha1)  [RFC 6960 4.1.1]')
    tap.contains(said['cache'][0], 'no sha1-')
    tap.contains(said['certificate'][0], 'verifies')
    tap.equal(said['answer'], ['good, signed anew'])
    tap.contains(said['nextUpdate'][0], 'producetime=86400s')
    tap.equal(r.cache_files(), [], 'nothing was signed')
    r.ask_about(a)
    said = explained(hex(a.serial))
    tap.contains(said['cache'][1], 'recheck=3600: hit')
    tap.equal(said['answer'], ['good, from the cache'])
    r.revoke(a)
    tap.contains(explained(hex(a.serial))['cache'][2], 'the table says otherwise now')
    with r.configured(recheck='0', keep_cache=True):
        said = explained(hex(a.serial))
        tap.contains(said['cache'][1], 'recheck')
        tap.contains(said['cache'][2], 'contradicted')
        tap.equal(said['answer'], ['revoked, signed anew'])
    tap.contains(explained(hex(b.serial))['status'][0], 'revoked since 2024-01-02T03:04:05Z')
    with r.configured(unknown='unknown'):
        tap.equal(explained('1f')['answer'], ['unknown, signed anew'])
    said = explained('1f')
    tap.contains(said['answer'][0], 'unauthorized, without a signature')
    tap.contains('\n'.join(said['HTTP']), 'Cache-Control: no-store')


def explain_matches():
    """What explain says about HTTP and times is what clients get."""
    a, b, c = some_rows()
    with r.configured(producetime='1h', maxage='7200', backdate='60'):
        said = explained(hex(a.serial))
        tap.contains(said['thisUpdate'][0], 'set back (backdate=)')
        tap.contains(said['max-age'][0], 'comes before maxage=7200')
        head = '\n'.join(said['max-age'])
        body = r.request(a)
        done = r.run('ocsp-stdio', octets=b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type:'
                     b' application/ocsp-request\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
        real = done.stdout.split(b'\r\n\r\n')[0].decode()
        fields = dict(line.split(': ', 1) for line in real.split('\r\n')[1:])
        claimed = re.search('max-age=([0-9]+)', head).group(1)
        got = re.search('max-age=([0-9]+)', fields['Cache-Control']).group(1)
        assert abs(int(claimed) - int(got)) <= 2, (head, real)
        for line in head.splitlines()[1:]:
            tap.contains(list(fields) + ['HTTP/1.1 200 OK', 'ETag'], line.split(': ')[0])
    ends = pki.make_root('Short', end=pki.now() + datetime.timedelta(hours=2))
    before = r.ca
    r.set_ca(ends)
    try:
        leaf = r.add(r.ca.issue('leaf'))
        tap.contains(explained(hex(leaf.serial))['nextUpdate'][0], 'ends then')
    finally:
        r.set_ca(before)


def explain_requests():
    a, b, c = some_rows()
    path = r.write('req.der', r.request(a, ocsp.nonce(b'12345678')))
    tap.contains(explained(path)['nonce'][0], 'nonce=ignore')
    with r.configured(nonce='echo'):
        said = explained(path)
        tap.contains(said['nonce'][0], 'RFC 9654')
        tap.contains('\n'.join(said['HTTP']), 'private')
    both = r.write('both.der', ocsp.request([r.certid(a), r.certid(b, algorithm='sha256')]))
    out = ctl('explain', both)
    tap.contains(out, 'certificate 2 of 2')
    tap.contains(out, '(sha256)')
    other = pki.make_root('Other CA')
    foreign = r.write('foreign.der', ocsp.request(ocsp.certid(other.certificate, 5)))
    tap.contains(explained(foreign)['issuer'][0], 'of 1 CAs none')
    tap.contains(ctl('explain', r.write('a.pem', a.pem())), 'good, signed anew')
    ctl('explain', code=EX_USAGE)
    ctl('explain', 'nonsense', code=EX_USAGE)
    r.sql("UPDATE list_certs SET cert = ''")
    tap.contains(explained(hex(a.serial))['answer'][0], 'internalError')


# --- reconcile

def crl(*entries, start=None):
    start = start or pki.now()
    builder = (x509.CertificateRevocationListBuilder().issuer_name(r.ca.certificate.subject)
               .last_update(start).next_update(start + pki.DAY))
    for serial, when, reason in entries:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
        if reason:
            one = one.add_extension(x509.CRLReason(reason), False)
        builder = builder.add_revoked_certificate(one.build())
    signed = builder.sign(r.ca.key, hashes.SHA256())
    return r.write('work/ca.crl', signed.public_bytes(Encoding.DER))


def reconcile():
    a, b, c = some_rows()
    held = datetime.datetime(2025, 6, 7, 8, 9, 10)
    b_entry = (b.serial, THEN, x509.ReasonFlags.key_compromise)
    c_entry = (c.serial, held, x509.ReasonFlags.certificate_hold)
    tap.contains(ctl('reconcile', '--crl', crl(b_entry, c_entry)),
                 '3 rows, 2 entries of the CRL, 0 cached answers: 0 disagree')
    # one after the other goes wrong
    out = ctl('reconcile', '--crl', crl(b_entry), code=1)
    assert re.search('^%s  table: revoked since 2025-06-07T08:09:10Z certificate_hold  CRL: not '
                     'revoked$' % hex(c.serial), out, re.M), out
    out = ctl('reconcile', '--crl', crl(b_entry, c_entry, (a.serial, THEN, None)), code=1)
    assert re.search('^%s  table: not revoked  CRL: revoked since' % hex(a.serial), out, re.M), out
    out = ctl('reconcile', '--crl', crl(b_entry, c_entry, (0x1f, THEN, None)), code=1)
    assert re.search('^0x1f  table: no such row  CRL: revoked since', out, re.M), out
    ctl('reconcile', '--crl', crl((b.serial, THEN, None), c_entry), code=1)
    ctl('reconcile', '--crl', crl((b.serial, held, b_entry[2]), c_entry), code=1)
    r.ask_about(a)
    r.revoke(a, when=THEN_SQL, reason=None)
    out = ctl('reconcile', '--crl', crl(b_entry, c_entry, (a.serial, THEN, None)), code=1)
    assert re.search('^%s  table: revoked .* cache: good$' % hex(a.serial), out, re.M), out


def reconcile_excuses():
    fresh()
    recent = r.add(r.ca.issue('recent'), status='Revoked',
                   when=pki.now().strftime('%Y-%m-%d %H:%M:%S'), reason=None)
    old = r.add(r.ca.issue('old', start=pki.now() - 9 * pki.DAY, end=pki.now() - 5 * pki.DAY),
                status='Revoked', when='2024-01-02 03:04:05', reason=None)
    r.add(pki.make_root('Other CA').issue('foreign'), status='Revoked', when=THEN_SQL, reason=None)
    out = ctl('reconcile', '--crl', crl(start=pki.now() - datetime.timedelta(hours=1)))
    tap.contains(out, '1 were revoked after the CRL was made')
    tap.contains(out, '1 had ended before')
    tap.contains(out, '0 disagree')
    tap.contains(ctl('reconcile', '--crl', crl(start=pki.now() - 3 * pki.DAY)), 'was valid until')
    ctl('reconcile', '--crl', crl(), code=1)
    del recent, old


@contextlib.contextmanager
def web(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                             functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield 'http://127.0.0.1:%d' % server.server_port
    finally:
        server.shutdown()
        server.server_close()


def reconcile_sources():
    fresh()
    path = crl()
    with web(r.path('work')) as url:
        tap.contains(ctl('reconcile', '--crl', url + '/ca.crl'), '0 disagree')
        tap.contains(ctl('reconcile', '--crl', url + '/none.crl', code=EX_IOERR),
                     "can't be fetched")
        r.write('work/ca.pem', '-----BEGIN X509 CRL-----\n')
        tap.contains(ctl('reconcile', '--crl', url + '/ca.pem', code=EX_IOERR), 'is no DER there')
    with open(path, 'rb') as f:
        done = r.run('ocspctl', 'reconcile', '--crl', '-', octets=f.read())
    tap.equal(done.returncode, 0, done.stderr.decode())
    tap.contains(ctl('reconcile', '--crl', 'https://localhost/ca.crl', code=EX_IOERR), 'curl')
    ctl('reconcile', '--crl', r.write('text', 'hello'), code=EX_DATAERR)
    ctl('reconcile', code=EX_USAGE)
    ctl('reconcile', '--crl', path, 'x', code=EX_USAGE)


# --- the cache

def verify_cache():
    a, b, c = some_rows()
    for leaf in (a, b, c):
        r.ask_about(leaf)
    r.ask(r.request(a, algorithm='sha256', params=b''))
    out = ctl('verify-cache')
    tap.contains(out, '4 answers looked at: 4 are right, 0 have expired, 0 are wrong')
    files = {os.path.basename(f): f for f in r.cache_files() if '/sha1-' in f}
    of = lambda leaf: files[leaf.serial.to_bytes((leaf.serial.bit_length() + 7) // 8, 'big').hex()
                            + '.der']
    with open(of(a), 'rb') as f:
        good = f.read()

    def expect(octets, clause, leaf=a):
        with open(of(leaf), 'wb') as f:
            f.write(octets)
        out = ctl('verify-cache', code=1)
        tap.contains(out, clause)
        tap.contains(out, '1 are wrong')

    expect(b'nonsense', 'no successful OCSPResponse')
    with open(of(b), 'rb') as f:
        expect(f.read(), 'answers for another certificate')
    expect(good[:-1] + bytes([good[-1] ^ 1]), 'does not verify')
    with open(of(a), 'wb') as f:
        f.write(good)
    r.revoke(a)
    tap.contains(ctl('verify-cache', code=1), 'says good, and the table says revoked')
    r.unrevoke(a)
    r.sql("DELETE FROM list_certs WHERE cert_num = '%s'" % hex(a.serial))
    tap.contains(ctl('verify-cache', code=1), 'table list_certs does not have')
    r.add(a)
    before = r.ca
    r.set_ca(pki.make_root('Test CA', name=r.ca.certificate.subject))
    try:
        tap.contains(ctl('verify-cache', code=1), 'of no CA in')
    finally:
        r.set_ca(before)
    os.unlink(of(a))
    os.symlink('/etc/passwd', of(a))
    tap.contains(ctl('verify-cache', code=1), "can't be read")
    os.unlink(of(a))
    with r.configured(cache='nowhere'):
        tap.contains(ctl('verify-cache'), 'no cache')
    r.database.stop()
    try:
        ctl('verify-cache', code=EX_TEMPFAIL)
    finally:
        r.database.start()


def canned():
    fresh()
    root = pki.make_root('Root')
    middle = root.issue_ca('Middle')
    r.write('root.pem', root.pem())
    r.write('canned.der', root.answer(middle))
    asked = ocsp.request(ocsp.certid(root.certificate, middle.serial))
    with r.configured(ocspresponse='canned.der', root='root.pem'):
        tap.equal(str(r.ask(asked)), 'good')
        tap.equal(len(r.cache_files()), 1)
        tap.contains(ctl('verify-cache'), '1 are right')
        path = r.write('asked.der', asked)
        tap.contains(ctl('explain', path), 'canned.der answers it: good until')
        # one about several CertIDs, as openssl ocsp makes them
        r.write('both.req', ocsp.request([ocsp.certid(root.certificate, middle.serial, name)
                                          for name in ('sha1', 'sha256')]))
        r.write('root.key', root.key_pem())
        r.write('index.txt', 'V\t%s\t\t%X\tunknown\t/CN=Middle\n'
                % ((pki.now() + pki.DAY).strftime('%y%m%d%H%M%SZ'), middle.serial))
        subprocess.run(['openssl', 'ocsp', '-index', r.path('index.txt'), '-CA', r.path('root.pem'),
                        '-rsigner', r.path('root.pem'), '-rkey', r.path('root.key'), '-ndays', '9',
                        '-reqin', r.path('both.req'), '-respout', r.path('several.der')],
                       check=True, capture_output=True)
        r.own(r.path('several.der'))
        with r.configured(ocspresponse='several.der'):
            tap.equal(str(r.ask(asked)), 'good,good')
            tap.contains(ctl('verify-cache'), '1 are right')
        r.ask(asked)
        r.write('canned.der', root.answer(middle, end=pki.now() + pki.DAY))
        tap.contains(ctl('verify-cache', code=1), 'no ocspresponse= of it')
        # as the responder does: one that has ended is passed over, if there is another
        r.write('old.der', root.answer(middle, pki.now() - 9 * pki.DAY, pki.now() - pki.DAY))
        r.write('bad.der', b'rubbish')
        r.write('middle.pem', middle.pem())
        r.write('middle.key', middle.key_pem())
        for files, told, status in (('old.der,canned.der', 'canned.der answers it', 'good'),
                                    ('old.der', 'answer       tryLater', 'tryLater'),
                                    ('bad.der', 'answer       tryLater', 'tryLater')):
            with r.configured(ocspresponse=files, cert='middle.pem', pkey='middle.key'):
                tap.contains(ctl('explain', path), told)
                done = r.run('ocsp-stdio', octets=asked)
                tap.equal(str(ocsp.Response(done.stdout)), status)


def purge():
    a, b, c = some_rows()
    for leaf in (a, b, c):
        r.ask_about(leaf)
    r.ask(r.request(a, algorithm='sha256'))
    tap.contains(ctl('purge', hex(a.serial)), '2 answers removed')
    tap.equal(len(r.cache_files()), 2)
    tap.contains(ctl('purge', '--expired'), '0 answers removed, 2 kept')
    with open(r.cache_files()[0], 'wb') as f:
        f.write(b'nonsense')
    tap.contains(ctl('purge', '--expired'), '1 answers removed, 1 kept')
    tap.contains(ctl('purge', '--all'), '1 answers removed, 0 kept')
    tap.equal(r.cache_files(), [])
    tap.equal(str(r.ask_about(b)), 'revoked(1)')
    for args in ((), ('--all', '--expired'), ('--all', '1f'), ('1', '2'), ('--no',)):
        ctl('purge', *args, code=EX_USAGE)
    with r.configured(cache='nowhere'):
        tap.contains(ctl('purge', '--all'), 'no cache')
        tap.contains(ctl('purge', hex(b.serial)), '0 answers removed')
    os.chmod(r.path('cache'), 0)
    try:
        for what in ('--all', '--expired', hex(b.serial)):
            tap.contains(ctl('purge', what, code=EX_IOERR), "can't be opened")
    finally:
        os.chmod(r.path('cache'), 0o700)


TESTS = [
    ('list: every filter, as a table, JSON and CSV', list_filters),
    ('list: what a table has instead of serials is fit for a terminal', list_odd),
    ('list: page after page, until nobody reads on', list_streams),
    ('export: index.txt, and back again', export_index),
    ('export: openssl answers from it', export_openssl),
    ('export: openssl makes a CRL of it, also where two rows have one subject', export_crl),
    ('export: CSV', export_csv),
    ('export: a file is whole, or the old one', export_files),
    ('export: what is closed stays so', export_closed),
    ('export: of CAs with one table, the rows of the one that is meant', export_one_ca),
    ('export, metrics, report: no file takes the place of a link or a device', replaced),
    ('hold and release, and the cache says it at once (U-3)', hold),
    ('revoke, hold, release: not what another CA has issued', rows_of_another_ca),
    ('hold, then revoke: since the hold began, and for good', hold_then_revoke),
    ('add --json', json_add),
    ('status --json', json_status),
    ('explain: each step, from the table, the cache and without', explain_states),
    ('explain: times and HTTP as clients get them', explain_matches),
    ('explain: requests with a nonce, for several, for others', explain_requests),
    ('reconcile: each side may be the one that differs', reconcile),
    ('reconcile: what a CRL need not list', reconcile_excuses),
    ('reconcile: a file, http and standard input', reconcile_sources),
    ('verify-cache: every way to be wrong', verify_cache),
    ('verify-cache and explain: canned answers', canned),
    ('purge: one, the expired, all', purge),
]

responders = {}


def one(kind, function):
    global r
    if kind not in responders:
        responders[kind] = Responder(store=kind, recheck='3600')
    r = responders[kind]
    function()


def close():
    for each in responders.values():
        each.close()


for kind in stores():
    for name, function in TESTS:
        tap.add('%s: %s' % (kind, name), one, kind, function)

if __name__ == '__main__':
    tap.run(close)
