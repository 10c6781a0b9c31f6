#!/usr/bin/python3
"""ocspctl export-static: a folder of answers, and nginx with the shipped example in front of it."""
import base64
import fcntl
import http.client
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import bulk
import der
import ocsp
import pki
import proxies
import tap
import wire
from responder import Responder, needs_sqlite, read_all, wait_for

EX_USAGE, EX_IOERR, EX_TEMPFAIL, INTERRUPTED = 64, 74, 75, 130
SLOT_S = 100
NO_PARAMS = {'params': b''}
# What clients ask with: see variants.h.
KINDS = [(algorithm, options) for algorithm in ('sha1', 'sha256', 'sha384', 'sha512')
         for options in ({}, NO_PARAMS)]

r = Responder(recheck='60', producetime='1d', maxage='300', maxpersource='0', keepalive='1000')
good = r.add(r.ca.issue('good', serial=(0x7f << 152) + 1))
revoked = r.add(r.ca.issue('revoked'), status='Revoked', when='2026-01-02 03:04:05',
                reason='key_compromise')
short = r.add(r.ca.issue('short', serial=0x1f))
folder = r.folder('static')
os.chmod(folder, 0o755)
_, upstream = r.listen()
nginx = None


def export(*args, code=0, who=r, to=folder):
    done = who.ctl('export-static', to, *args)
    out = (done.stdout + done.stderr).decode()
    tap.equal(done.returncode, code, out)
    return out


def counts(out):
    """(written, as they were, removed)"""
    return tuple(map(int, re.search(
        r'^(\d+) answers written, (\d+) are as they were, (\d+) removed$', out, re.M).groups()))


def files():
    return {os.path.relpath(os.path.join(base, name), folder + '/answers'):
            open(os.path.join(base, name), 'rb').read()
            for base, _, names in os.walk(folder + '/answers') for name in names}


def name_of(request):
    """The file that docs/scaling.md promises."""
    name = base64.b64encode(request).decode().rstrip('=').replace('/', '_')
    return '%s/%s' % (name[-3:-1], name)


def slots():
    return sorted(int(name) for name in os.listdir(folder + '/now'))


def restart():
    """Nothing is there any more."""
    r.clear_cache()
    for name in ('answers', 'now'):
        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def nginx_port():
    global nginx
    nginx = nginx or proxies.start_nginx(r, 'nginx-static.conf', {
        proxies.RESPONDER: '127.0.0.1:%d' % upstream, '/var/lib/ocsp_static': folder})
    return nginx


def fetch(path, port, method='GET', fields=None):
    """(status, {name: all values}, body)"""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in (fields or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    names = {name.lower() for name, _ in reply.getheaders()}
    return reply.status, {n: ', '.join(reply.headers.get_all(n)) for n in names}, body


def is_static(headers):
    """The responder has an ETag of its own kind: 64 hexadecimal digits."""
    return len(headers['etag'].strip('"')) < 40


def paths(request):
    """Every way in which clients spell a request."""
    text = base64.b64encode(request).decode()
    escaped = urllib.parse.quote(text, safe='')
    lower = re.sub('%..', lambda m: m.group().lower(), escaped)
    spelled = {text, escaped, lower, urllib.parse.quote(text, safe='/'),
               urllib.parse.quote(text, safe='+='), text.rstrip('=')}
    return ['/' + s for s in spelled] + ['//' + text, '//' + escaped]


@tap.test('every cached answer is a file under the name of its request, octet by octet')
def all_answers():
    restart()
    asked = {}
    for leaf in (good, revoked, short):
        for algorithm, options in KINDS:
            request = r.request(leaf, algorithm=algorithm, **options)
            asked[name_of(request)] = r.ask(request).der
    tap.equal(counts(export()), (len(asked), 0, 0))
    tap.equal(files(), asked)
    for path in asked:
        state = os.stat(os.path.join(folder, 'answers', path))
        tap.equal(state.st_mode & 0o777, 0o644)
        tap.equal(state.st_mtime, ocsp.Response(asked[path]).singles[0].this_update)
    tap.equal(counts(export()), (0, len(asked), 0))


@tap.test('a web server may send them up to --valid-for from now, and no second longer')
def for_how_long():
    before = int(time.time())
    export('--valid-for', '1000')
    after = int(time.time())
    found = slots()
    tap.equal(found, list(range(found[0], found[-1] + 1)))
    assert before // SLOT_S <= found[0] <= after // SLOT_S
    assert before + 1000 - SLOT_S < (found[-1] + 1) * SLOT_S <= after + 1000
    for slot in found:
        tap.equal(os.readlink('%s/now/%d' % (folder, slot)), '../answers')
    export('--valid-for', '2h')
    tap.equal(slots()[-1], (int(time.time()) + 7200) // SLOT_S - 1)
    os.symlink('../answers', '%s/now/%d' % (folder, found[0] - 1))
    export('--valid-for', '300')
    assert found[0] <= slots()[0] and len(slots()) <= 3, slots()


@tap.test('what ends before --valid-for and maxage= are over is left out, and removed')
def ends_too_soon():
    restart()
    r.ask_about(good)
    tap.equal(counts(export()), (1, 0, 0))
    path = r.cache_files()[0]
    for left, want in ((3600 + 300 - 1, (0, 0, 1)), (3600 + 300 + 20, (1, 0, 0))):
        start = pki.now() - pki.DAY / 24
        with open(path, 'wb') as f:
            f.write(r.ca.answer(good, start=start, end=pki.now() + left * pki.DAY / 86400))
        # it has just been agreed with, so it is not renewed
        out = export('--valid-for', '1h')
        tap.equal(counts(out), want, out)
        tap.equal('left out' in out, want[0] == 0)


@tap.test('a revocation by SQL is in the folder after the next export, though nobody has asked')
def revocation():
    restart()
    with r.configured(recheck='0', keep_cache=True):
        leaf = r.add(r.ca.issue('leaf'))
        request = r.request(leaf)
        r.ask(request)
        export()
        tap.equal(str(ocsp.Response(files()[name_of(request)])), 'good')
        r.revoke(leaf)
        export()
        response = ocsp.Response(files()[name_of(request)])
        tap.equal((str(response), response.faults(r.ca.certificate, [r.certid(leaf)])),
                  ('revoked(1)', []))
        r.sql("DELETE FROM list_certs WHERE cert_num = '%#x'" % leaf.serial)
        tap.equal(counts(export())[2], 1)
        assert name_of(request) not in files()


@tap.test('--purge-list: the URLs whose answer says something else, in both spellings, and no others')
def purge_list():
    restart()
    target = r.path('work', 'purge')
    with r.configured(recheck='0', keep_cache=True):
        leaf = r.add(r.ca.issue('leaf', serial=int('7f' + 'fb' * 19, 16)))
        request = r.request(leaf)
        text = base64.b64encode(request).decode()
        urls = ['/' + text, '/' + urllib.parse.quote(text, safe='')]
        assert urls[0] != urls[1]

        def listed(*args):
            export('--purge-list', target, *args)
            with open(target) as f:
                return f.read().splitlines()

        r.ask_about(good)
        r.ask(request)
        tap.equal(listed(), [], 'of what is new, and good')
        # a renewal
        path = [p for p in r.cache_files() if '%x' % leaf.serial in p][0]
        with open(path, 'wb') as f:
            f.write(r.ca.answer(leaf, start=pki.now() - pki.DAY / 48))
        before = files()
        tap.equal(listed(), [], 'of a renewal')
        assert files() != before
        r.revoke(leaf)
        tap.equal(listed(), urls, 'of a revocation')
        r.revoke(leaf, reason='superseded')
        tap.equal(listed(), urls * 2, 'of another reason')
        tap.equal(listed(), urls * 2, 'of nothing')
        r.check_ctl('purge', '%x' % leaf.serial)
        tap.equal(listed(), urls * 3, 'of one that is gone')
        r.ask(request)
        tap.equal(listed(), urls * 4, 'of one that is new, and revoked')


@tap.test('the database is away: what is valid stays in the folder and may be sent on (exit 75)')
def database_away():
    restart()
    r.ask_about(good)
    export('--valid-for', '300')
    before = files()
    with r.configured(recheck='0', keep_cache=True):
        r.database.stop()
        try:
            tap.contains(export('--valid-for', '20min', code=EX_TEMPFAIL), "database can't be asked")
        finally:
            r.database.start()
    tap.equal(files(), before)
    assert len(slots()) > 10, slots()


@tap.test('files that are none of ours, and answers that the cache has no more, are removed')
def left_overs():
    restart()
    r.ask_about(good)
    export()
    want = files()
    os.makedirs(folder + '/answers/zz')
    for name in ('zz/junk', next(iter(want)) + 'A', 'zz/' + next(iter(want))[3:] + '.~1'):
        with open(os.path.join(folder, 'answers', name), 'w') as f:
            f.write('x')
    for path in (folder + '/answers', folder + '/answers/zz'):
        r.own(path)
    with open(os.path.join(folder, 'answers', next(iter(want))), 'w') as f:
        f.write('half an ans')
    tap.equal(counts(export()), (1, 0, 3))
    tap.equal(files(), want)
    r.clear_cache()
    tap.equal(counts(export()), (0, 0, 1))
    tap.equal(files(), {})


@tap.test('an answer of ocspresponse= about the CA itself is a file as well')
def canned():
    restart()
    root = pki.make_root('Root')
    issuing = root.issue_ca('Issuing')
    with Responder(ca=issuing) as other:
        other.write('ca.der', root.answer(issuing))
        other.configure(ocspresponse='ca.der')
        request = ocsp.request(ocsp.certid(root.certificate, issuing.serial))
        answer = other.ask(request)
        tap.equal(str(answer), 'good')
        target = other.folder('static')
        export(who=other, to=target)
        with open(os.path.join(target, 'answers', name_of(request)), 'rb') as f:
            tap.equal(f.read(), answer.der)


@tap.test('what the cache has no answer of its own to is looked at all the same, each time')
def looked_at():
    restart()
    root = pki.make_root('Root')
    issuing, second = root.issue_ca('Issuing'), root.issue_ca('Second')
    with Responder(ca=issuing, recheck='0') as other:
        target = other.folder('static')

        def exported():
            export(who=other, to=target)
            with open(os.path.join(target, 'answers', name_of(request)), 'rb') as f:
                return f.read()

        # an answer about one, and then one about two: its file in the cache is about several
        other.write('ca.der', root.answer(issuing))
        other.configure(ocspresponse='ca.der')
        request = ocsp.request(ocsp.certid(root.certificate, issuing.serial))
        one = other.ask(request).der
        tap.equal(exported(), one)
        index = other.write('index.txt', ''.join(
            'V\t330101000000Z\t\t%040X\tunknown\t/CN=%d\n' % (ca.serial, i)
            for i, ca in enumerate((issuing, second))))
        other.write('root.pem', root.pem())
        other.write('root.key', root.key_pem())
        subprocess.run(['openssl', 'ocsp', '-index', index, '-CA', 'root.pem', '-rsigner', 'root.pem',
                        '-rkey', 'root.key', '-issuer', 'root.pem', '-serial', '%#x' % issuing.serial,
                        '-serial', '%#x' % second.serial, '-ndays', '9', '-noverify', '-respout',
                        'ca.der'], cwd=other.dir, check=True, capture_output=True)
        other.own(other.path('ca.der'))
        two = other.ask(request).der
        assert len(two) > len(one)
        tap.equal(exported(), two)
        # one that can't be read any more: the answer is made anew, or not sent on
        leaf = other.add(issuing.issue('leaf'))
        request = ocsp.request(ocsp.certid(issuing.certificate, leaf.serial))
        other.ask(request)
        tap.equal(str(ocsp.Response(exported())), 'good')
        other.revoke(leaf)
        for path in other.cache_files():
            if '%x' % leaf.serial in path:
                open(path, 'w').close()
        tap.equal(str(ocsp.Response(exported())), 'revoked(1)')


@tap.test('interrupted in the middle of a question, it leaves no word that the database is down')
def broken_off():
    needs_sqlite()
    with Responder(recheck='0', timeout='1') as other:
        leaf = other.add(other.ca.issue('leaf'))
        other.ask_about(leaf)
        holder = sqlite3.connect(other.database.file)
        holder.execute('BEGIN EXCLUSIVE')
        target = other.folder('static')
        child = other.start('ocspctl', 'export-static', target, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.isdir(target + '/answers'), 'its beginning')
        # now it waits for the table
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        tap.equal(child.wait(20), INTERRUPTED)
        holder.rollback()
        holder.close()
        tap.equal([n for _, _, names in os.walk(other.path('cache')) for n in names
                   if 'database-down' in n], [])


@tap.test('refused: no folder, a folder that another export is busy with, times that do not fit')
def refused():
    r.ask_about(good)
    tap.contains(export(code=EX_IOERR, to=r.path('nowhere')), 'install -d -o')
    # it is who signs that writes there
    with r.configured(user='somebody', signuser=r.account.pw_name, keep_cache=True,
                      signer='unix:/nowhere'):
        tap.contains(export(code=EX_IOERR, to=r.path('nowhere')),
                     'install -d -o %s -m' % r.account.pw_name)
    holder = os.open(folder, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    tap.contains(export(code=1), 'another export')
    os.close(holder)
    for args in (['--valid-for', '199'], ['--valid-for', '8d'], ['--valid-for', 'soon'],
                 ['--valid-for', '12h'], ['one more']):
        export(*args, code=EX_USAGE)
    with r.configured(maxage='12h'):
        tap.contains(export(code=EX_USAGE), 'maxage=')
    tap.contains(export('--purge-list', '/nowhere/list', code=EX_IOERR), '/nowhere/list')


@tap.test('interrupted it ends with 130, and the folder may be sent no longer than before; on a'
          ' terminal it shows how far it is')
def interrupted():
    many = 800

    def halt(child):
        """In the middle of its work."""
        wait_for(lambda: os.path.isdir(target + '/answers') and os.listdir(target + '/answers'),
                 'the first file')
        child.send_signal(signal.SIGSTOP)

    with Responder(recheck='0', verify='no') as other:
        bulk.fill(other, bulk.blanks(many, 1))
        other.check_ctl('presign')
        target, shown = other.folder('static'), b''
        child = other.start('ocspctl', 'export-static', target, stdout=subprocess.DEVNULL)
        halt(child)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGCONT)
        tap.equal((child.wait(20), os.listdir(target + '/now')), (INTERRUPTED, []))
        shutil.rmtree(target + '/answers')
        main, end = pty.openpty()
        child = other.start('ocspctl', 'export-static', target, stdout=subprocess.DEVNULL,
                            stderr=end)
        os.close(end)
        halt(child)
        time.sleep(0.3)
        child.send_signal(signal.SIGCONT)
        try:
            while chunk := os.read(main, 65536):
                shown += chunk
        except OSError:
            pass            # it has ended
        os.close(main)
        tap.equal(child.wait(), 0)
        assert re.search(rb'export-static: \[#*-*\] +\d+ % ', shown), shown
        tap.equal(sum(len(names) for _, _, names in os.walk(target + '/answers')), many)


# --- behind nginx

@tap.test('nginx: GET in every spelling, byte for byte what the responder answers')
def every_spelling():
    restart()
    with r.configured(recheck='3600', keep_cache=True):
        for leaf in (good, revoked, short):
            for algorithm, options in KINDS:
                request = r.request(leaf, algorithm=algorithm, **options)
                want = r.ask(request).der
                export()
                for path in paths(request):
                    status, headers, body = fetch(path, nginx_port())
                    tap.equal((status, body), (200, want), path)
                    assert is_static(headers), path


@tap.test('nginx: a request with up to 24 slashes; one with more goes to the responder')
def many_slashes():
    restart()
    met = set()
    with r.configured(recheck='3600', keep_cache=True):
        for n in range(1, 20, 2):
            # six bits that are set make a slash; the CA's hashes have some more
            serial = int.from_bytes(b'\x3f' + bytes(19 - n) + b'\xff' * n, 'big')
            r.insert(hex(serial), certificate=r.ca.issue('leaf', serial=serial).pem())
            for algorithm in ('sha1', 'sha512'):
                request = r.request(serial, algorithm=algorithm)
                want = r.ask(request).der
                export()
                slashes = base64.b64encode(request).count(b'/')
                _, headers, body = fetch(paths(request)[0], nginx_port())
                tap.equal((body, is_static(headers)), (want, slashes <= 24), slashes)
                met.add(slashes)
    tap.note('slashes: %s' % sorted(met))
    assert len(met & set(range(25))) > 5 and max(met) > 24, met     # keys and hashes are random


@tap.test('nginx: type, caching and dates; HEAD, If-None-Match and Range')
def headers_of_nginx():
    restart()
    request = r.request(good)
    answer = r.ask(request)
    export()
    path = wire.target(request)
    status, headers, body = fetch(path, nginx_port())
    tap.equal((status, headers['content-type'], body),
              (200, 'application/ocsp-response', answer.der))
    cache = {word.strip() for word in headers['cache-control'].split(',')}
    tap.equal(cache, {'max-age=300', 'public', 'no-transform', 'must-revalidate'})
    date = {name: time.mktime(time.strptime(headers[name], '%a, %d %b %Y %H:%M:%S GMT'))
            - time.timezone for name in ('date', 'expires', 'last-modified')}
    tap.equal(date['last-modified'], answer.singles[0].this_update)
    tap.equal(date['expires'] - date['date'], 300)
    assert date['expires'] < answer.singles[0].next_update
    tap.equal(fetch(path, nginx_port(), 'HEAD')[::2], (200, b''))
    match = {'If-None-Match': headers['etag']}
    tap.equal(fetch(path, nginx_port(), fields=match)[0], 304)
    tap.equal(fetch(path, nginx_port(), fields={'Range': 'bytes=0-9'})[::2], (200, answer.der))


@tap.test('nginx: what is in no file goes to the responder')
def falls_back():
    restart()
    export_request = r.request(good)
    r.ask(export_request)
    export()
    cases = {
        'another certificate': (r.request(revoked), 'revoked(1)'),
        'a nonce': (r.request(good, ocsp.nonce(b'12345678')), 'good'),
        'several certificates': (ocsp.request([r.certid(good), r.certid(revoked)]),
                                 'good,revoked(1)'),
        # Botan 2; the file's request has no version
        'the version spelled out': (
            der.sequence(der.sequence(der.tlv(0xa0, der.integer(0)),
                                      der.sequence(der.sequence(r.certid(good))))), 'good'),
    }
    for what, (request, want) in cases.items():
        _, headers, body = fetch(wire.target(request), nginx_port())
        tap.equal(str(ocsp.Response(body)), want, what)
        assert 'etag' not in headers or not is_static(headers), what
    with wire.connect(nginx_port()) as sock:
        sock.sendall(wire.post(export_request, 'Connection: close'))
        tap.equal(str(ocsp.Response(wire.only(read_all(sock)).body)), 'good')
    tap.equal(fetch('/favicon.ico', nginx_port())[0], 404)
    tap.equal(fetch('/' + 'M' + 'A' * 9000, nginx_port())[0], 414)
    tap.equal(fetch('/..%2f..%2fetc%2fpasswd', nginx_port())[0], 400)


@tap.test('nginx: openssl ocsp verifies what comes from a file')
def openssl():
    restart()
    request = r.request(good)
    r.ask(request)
    export()
    _, headers, body = fetch(wire.target(request), nginx_port())
    assert is_static(headers)
    done = subprocess.run(
        ['openssl', 'ocsp', '-respin', r.write('answer.der', body), '-issuer', r.path('ca.pem'),
         '-CAfile', r.path('ca.pem'), '-serial', hex(good.serial), '-no_nonce'],
        capture_output=True, text=True)
    tap.contains(done.stdout + done.stderr, 'Response verify OK')
    tap.contains(done.stdout, ': good')


@tap.test('nginx: when nobody has exported for too long, the responder is asked again')
def dead_exporter():
    restart()
    request = r.request(good)
    r.ask(request)
    export()
    path = wire.target(request)
    assert is_static(fetch(path, nginx_port())[1])
    # as it is after --valid-for without another export
    for slot in slots():
        os.unlink('%s/now/%d' % (folder, slot))
    status, headers, body = fetch(path, nginx_port())
    tap.equal((status, str(ocsp.Response(body))), (200, 'good'))
    assert not is_static(headers)
    export()
    assert is_static(fetch(path, nginx_port())[1])


tap.run(r.close)
