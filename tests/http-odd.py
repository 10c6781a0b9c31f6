#!/usr/bin/python3
"""HTTP requests as others' testers and attackers write them: smuggling shapes, long targets, floods
of fields, odd absolute forms, conditions in every spelling."""
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import ocsp
import tap
import wire
from responder import Responder, read_all

r = Responder()
leaf = r.add(r.ca.issue('leaf'))
other = r.add(r.ca.issue('other'))
request, PATH = r.request(leaf), wire.target(r.request(leaf))
POST = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n'


def send(octets):
    child, sock = r.converse('--http')
    with sock:
        try:
            sock.sendall(octets)
        except OSError:
            pass        # it had enough; its answer is there all the same
        answer = read_all(sock)
    tap.equal(child.wait(60), 0, 'exit code')
    return answer


def ask(octets, to_head=False):
    return wire.only(send(octets), to_head)


def is_good(reply, version='HTTP/1.1'):
    tap.equal(reply.status, 200)
    response = ocsp.Response(reply.body)
    tap.equal((str(response), response.faults(r.ca.certificate)), ('good', []))
    return reply


def is_error(reply, *statuses):
    assert reply.status in statuses, 'status %d, want one of %r' % (reply.status, statuses)
    tap.equal(reply.headers['cache-control'], 'no-store', 'H-32, L-18')
    tap.equal(reply.headers['connection'], 'close', 'H-15')
    for name in ('etag', 'expires', 'last-modified'):
        assert name not in reply.headers, name


@tap.test('smuggling: two framings, or one that others read otherwise, get 400 and the end (H-10 to H-12)')
def smuggling():
    size = b'Content-Length: %d\r\n' % len(request)
    chunked = b'%x\r\n%s\r\n0\r\n\r\n' % (len(request), request)
    hidden = wire.post(r.request(other))
    shapes = {
        'CL.TE': size + b'Transfer-Encoding: chunked\r\n\r\n' + chunked,
        'TE.CL': b'Transfer-Encoding: chunked\r\n' + size + b'\r\n' + chunked,
        'TE.TE': b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n' + chunked,
        'TE twice': b'Transfer-Encoding: chunked, chunked\r\n\r\n' + chunked,
        'TE with a vertical tab': b'Transfer-Encoding: \x0bchunked\r\n\r\n' + chunked,
        'TE and a blank before the colon': b'Transfer-Encoding : chunked\r\n' + size + b'\r\n' + request,
        'TE folded': b'Transfer-Encoding:\r\n chunked\r\n' + size + b'\r\n' + request,
        'TE empty': b'Transfer-Encoding:\r\n' + size + b'\r\n' + request,
        'TE not at the end': b'Transfer-Encoding: chunked, gzip\r\n\r\n' + chunked,
        'two lengths': b'Content-Length: 0\r\n' + size + b'\r\n' + request,
        'lengths in a list': b'Content-Length: %d, 0\r\n\r\n' % len(request) + request,
        'an empty length': b'Content-Length:\r\n\r\n' + request,
        'a length with an underscore': b'Content-Length: 1_0\r\n\r\n' + request,
        'a length with a comment': b'Content-Length: 10;x\r\n\r\n' + request,
        'a name with a NUL': b'Content-Length\0: 0\r\n' + size + b'\r\n' + request,
        'a bare CR for a line end': b'X: y\rContent-Length: 0\r\n' + size + b'\r\n' + request,
        'a name that is empty': b': x\r\n' + size + b'\r\n' + request,
        'a field without a colon': b'x\r\n' + size + b'\r\n' + request,
    }
    for name, rest in shapes.items():
        reply = ask(POST + rest + hidden)
        assert reply.status in (400, 501), '%s: %d' % (name, reply.status)
        is_error(reply, 400, 501)
    reply = ask((POST + b'Transfer-Encoding: chunked\r\n\r\n').replace(b'1.1', b'1.0') + chunked)
    is_error(reply, 400)


@tap.test('chunks: hex in either case, leading zeros, extensions; bad sizes and ends are 400 (H-9)')
def chunks():
    head = POST + b'Transfer-Encoding: chunked\r\n\r\n'
    size = b'%x' % len(request)
    good = {'upper case': size.upper(), 'zeros': b'000' + size, 'extension': size + b';a',
            'quoted': size + b';a="b;\\"c"', 'blank': size + b' ;a', 'tab': size + b'\t;a'}
    for name, text in good.items():
        tap.note(name)
        is_good(ask(head + text + b'\r\n' + request + b'\r\n0\r\n\r\n'))
    bad = {'no digits': b'', 'sign': b'+' + size, '0x': b'0x' + size, 'blank first': b' ' + size,
           'blank and no extension': size + b' ', 'control': size + b';\x01', 'bare LF in it': size + b'\n' + size}
    for name, text in bad.items():
        is_error(ask(head + text + b'\r\n' + request + b'\r\n0\r\n\r\n'), 400, 413)
    is_error(ask(head + size + b'\r\n' + request + b'x\r\n0\r\n\r\n'), 400)
    is_error(ask(head + b'f' * 17 + b'\r\n'), 400, 413)
    is_error(ask(head + (b'1;' + b'x' * 90 + b'\r\n0\r\n') * 300 + b'0\r\n\r\n'), 400)
    is_error(ask(head + b'0\r\n' + b'T: x\r\n' * 5000 + b'\r\n'), 400)


@tap.test('a target of 8,000 octets is read, one of 13,000 is 414 (H-4)')
def long_targets():
    is_good(ask(wire.get('/' + 'x' * (8000 - len(PATH)) + PATH)))
    is_error(ask(wire.get('/' + 'x' * 8000)), 404)
    is_error(ask(wire.get('/' + 'x' * 13000 + PATH)), 414)
    is_error(ask(wire.get('/' + 'x' * 17000)), 414)
    is_error(ask(wire.get('/' + 'x' * 40000)), 414)


@tap.test('a flood of fields, or one that is too long: 431 (H-31, U-11)')
def floods():
    is_good(ask(wire.get(PATH, *['X-%d: y' % n for n in range(90)])))
    is_error(ask(wire.get(PATH, *['X-%d: y' % n for n in range(120)])), 431)
    is_error(ask(wire.get(PATH, 'X: ' + 'y' * 20000)), 431)
    is_error(ask(wire.get(PATH, 'x' * 20000 + ': y')), 431)


@tap.test('methods: case counts, unknown and long ones are 501, known ones 405 (H-4, H-5, H-22)')
def methods():
    is_error(ask(wire.get(PATH, method='get')), 501)
    is_error(ask(wire.get(PATH, method='X' * 5000)), 501)
    is_error(ask(wire.get(PATH, method='X' * 20000)), 501)
    is_error(ask(wire.get(PATH, method='G@T')), 400)
    is_error(ask(b'\x80ET / HTTP/1.1\r\nHost: x\r\n\r\n'), 400)
    for line in (b'GET  / HTTP/1.1', b'GET / HTTP/1.1 ', b' GET / HTTP/1.1', b'GET /a b HTTP/1.1',
                 b'GET\t/\tHTTP/1.1', b'GET / http/1.1', b'GET / HTTP/1', b'GET / HTTP/1.10',
                 b'GET', b'GET / HTTP/11'):
        is_error(ask(line + b'\r\nHost: x\r\n\r\n'), 400, 501)
    is_error(ask(b'GET / HTTP/3.0\r\nHost: x\r\n\r\n'), 505)
    is_error(ask(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 501, 505)


@tap.test('escapes in either case, and of every character (O-36, U-1)')
def escapes():
    everything = '/' + ''.join('%%%02x' % ord(c) for c in PATH[1:].replace('%2B', '+').replace(
        '%2F', '/').replace('%3D', '='))
    for path in (everything, everything.upper().replace('%X', '%x'),
                 re.sub('%..', lambda m: m.group().lower(), PATH)):
        is_good(ask(wire.get(path)))
    is_error(ask(wire.get(PATH + '%')), 400)
    is_error(ask(wire.get(PATH + '%4')), 400)
    is_error(ask(wire.get(PATH.replace('M', '%4g', 1))), 400)
    is_error(ask(wire.get('/%00')), 404, 400)


@tap.test('absolute-form: ports, IPv6, any scheme in either case, no path; Host is ignored (H-6)')
def absolute():
    for start in ('http://x', 'http://x:80', 'http://x:2560', 'HTTP://X', 'https://x',
                  'http://[::1]', 'http://[::1]:2560', 'http://x:'):
        is_good(ask(wire.get(start + PATH)))
    tap.equal(ask(wire.get('http://x')).status, 200)
    tap.equal(ask(wire.get('http://x:2560/')).status, 200)
    is_error(ask(b'GET http://x' + PATH.encode() + b' HTTP/1.1\r\n\r\n'), 400)
    for target in ('http://', 'http:///x', 'http://x:a/', 'http://a@b/', 'ftp://x/', 'x', '*',
                   'http://x\\y/'):
        is_error(ask(wire.get(target)), 400, 404)


@tap.test('Host: exactly one, and a valid one, in HTTP/1.1; HTTP/1.0 needs none (H-6)')
def host():
    get = 'GET %s HTTP/1.%s\r\n%s\r\n'
    for fields, statuses in (('', (400,)), ('Host: a\r\nHost: a\r\n', (400,)), ('Host:\r\n', (200,)),
                             ('Host: a:80\r\n', (200,)), ('Host: [::1]:80\r\n', (200,)),
                             ('Host: a b\r\n', (400,)), ('Host: a/b\r\n', (400,)),
                             ('Host: a:x\r\n', (400,)), ('HOST: a\r\n', (200,))):
        reply = ask((get % (PATH, 1, fields)).encode())
        assert reply.status in statuses, '%r: %d' % (fields, reply.status)
    is_good(ask((get % (PATH, 0, '')).encode()))
    is_error(ask((get % (PATH, 0, 'Host: a\r\nHost: b\r\n')).encode()), 400)


def same_headers(path, *fields):
    replies = [ask(wire.get(path, *fields)), ask(wire.get(path, *fields, method='HEAD'), to_head=True)]
    get, head = replies
    tap.equal((head.status, head.rest), (get.status, b''), path)
    for reply in replies:
        reply.headers.pop('date')
    tap.equal(head.headers, get.headers, path)
    return get


@tap.test('HEAD of every kind of path says what GET says, and no more (H-20, H-21)')
def head():
    etag = ask(wire.get(PATH)).headers['etag']
    tap.equal(same_headers(PATH).status, 200)
    tap.equal(same_headers('/').status, 200)
    tap.equal(same_headers(wire.target(r.request(leaf.serial + 1))).status, 200)
    for malformed in (b'\x30\x00', request + b'\0'):
        tap.equal(same_headers(wire.target(malformed)).status, 200, 'O-39')
    tap.equal(same_headers('/nowhere').status, 404)
    tap.equal(same_headers('/%zz').status, 400)
    tap.equal(same_headers(PATH, 'If-None-Match: ' + etag).status, 304)
    tap.equal(same_headers(PATH, 'Expect: nonsense').status, 417)


@tap.test('If-None-Match: lists, weak, odd spellings, several fields; 412 for a POST (H-27, H-28)')
def if_none_match():
    etag = ask(wire.get(PATH)).headers['etag']
    assert re.fullmatch('"[0-9a-f]{64}"', etag), 'H-27, L-17'
    upper = etag.upper()
    for value, want in ((etag, 304), ('W/' + etag, 304), ('*', 304), ('"a", W/"b", ' + etag, 304),
                        ('"a,b",%s' % etag, 304), (',, %s ,' % etag, 304), (etag + ', nonsense', 304),
                        ('"a"', 200), (upper, 200), (etag.strip('"'), 200), ('W/*', 200), ('', 200),
                        ('"unended', 200), ('w/' + etag, 200), ('"a" "b"', 200)):
        tap.equal(ask(wire.get(PATH, 'If-None-Match: ' + value)).status, want, value)
    tap.equal(ask(wire.get(PATH, 'If-None-Match: "a"', 'If-None-Match: ' + etag)).status, 200,
              'several fields: a whole answer')
    is_error(ask(wire.post(request, 'If-None-Match: ' + etag)), 412)
    is_good(ask(wire.post(request, 'If-None-Match: "a"')))
    tap.equal(ask(wire.get(wire.target(r.request(leaf.serial + 1)), 'If-None-Match: *')).status, 200,
              'an error has no ETag')


@tap.test('304 by the ETag alone: never by a date after a status has changed (C-6, H-29, H-30)')
def if_modified_since():
    first = ask(wire.get(PATH))
    date = first.headers['last-modified']
    for value in (date, 'Sat, 01 Jan 2050 00:00:00 GMT', 'nonsense'):
        is_good(ask(wire.get(PATH, 'If-Modified-Since: ' + value)))
    with r.configured(recheck='0'):
        r.revoke(leaf)
        try:
            reply = ask(wire.get(PATH, 'If-None-Match: ' + first.headers['etag'],
                                 'If-Modified-Since: ' + date))
            tap.equal((reply.status, str(ocsp.Response(reply.body))), (200, 'revoked(1)'))
        finally:
            r.unrevoke(leaf)
            r.clear_cache()


@tap.test('Expect: other expectations are 417, in HTTP/1.0 none counts (H-23)')
def expect():
    is_error(ask(wire.post(request, 'Expect: 200-ok')), 417)
    is_error(ask(wire.get(PATH, 'Expect: x')), 417)
    is_good(ask(wire.post(request, 'Expect: 200-ok', version='1.0')))
    is_good(ask(wire.post(request, 'Expect: 100-continue', version='1.0')))
    is_good(ask(wire.get(PATH, 'Expect: 100-continue')))
    is_good(ask(wire.post(request, 'EXPECT: 100-Continue')))


@tap.test('no answer depends on what the client accepts, and none says Vary (H-43)')
def no_vary():
    plain = is_good(ask(wire.get(PATH)))
    for field in ('Accept: text/html', 'Accept: application/x', 'Accept-Encoding: gzip, br',
                  'Accept-Language: de', 'Range: bytes=0-9', 'Cache-Control: no-cache',
                  'Pragma: no-cache', 'Upgrade: h2c', 'Cookie: a=b', 'TE: trailers'):
        reply = is_good(ask(wire.get(PATH, field)))
        tap.equal(reply.body, plain.body, field)
        assert not {'vary', 'content-encoding', 'content-range'} & set(reply.headers), field


@tap.test('dates are IMF-fixdates in GMT, and every answer has one (H-24, H-40)')
def dates():
    fixdate = (r'(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
               r' \d{4} \d\d:\d\d:\d\d GMT')
    reply = ask(wire.get(PATH))
    for name in ('date', 'expires', 'last-modified'):
        assert re.fullmatch(fixdate, reply.headers[name]), reply.headers[name]
    for octets in (wire.get('/'), wire.get('/x'), wire.get('/', method='PUT'), b'x\r\n\r\n',
                   wire.get('/', method='OPTIONS'), wire.post(b'')):
        assert re.fullmatch(fixdate, ask(octets).headers['date'])


@tap.test('GET / names the CAs and their key hashes, and no serial; OPTIONS has no body (U-10)')
def front_page():
    ask(wire.get(PATH))
    r.clear_cache()
    tap.contains(ask(wire.get('/')).body, b'when the first answer was signed')
    is_good(ask(wire.get(PATH)))
    reply = ask(wire.get('/'))
    page = reply.body.decode()
    tap.equal((reply.status, reply.headers['content-type']), (200, 'text/plain; charset=utf-8'))
    tap.contains(page, 'ocsp-stdio ')
    tap.contains(page, 'CN = Test CA')
    key_hash = ocsp.der.parse(r.certid(leaf))[2].body.hex()
    tap.contains(page, key_hash)
    assert '%x' % leaf.serial not in page and len(page) < 1000, page
    tap.equal(ask(wire.get('/', method='OPTIONS')).body, b'')


@tap.test('GET / trusts no file of a stranger: markup and control characters, links, length')
def front_page_file():
    note = r.path('cache', '.issuers')
    for octets in (b'\x1b[2J', b'a\0b', b'x' * 100000):
        r.own(wire_write(note, octets))
        page = ask(wire.get('/')).body
        assert octets not in page and b'when the first' in page, page[:200]
    os.unlink(note)
    os.symlink('/etc/passwd', note)
    assert b'root:' not in ask(wire.get('/')).body
    os.unlink(note)
    r.own(wire_write(note, b'<script>'))
    tap.equal(ask(wire.get('/')).headers['content-type'], 'text/plain; charset=utf-8')
    os.unlink(note)


def wire_write(path, octets):
    with open(path, 'wb') as f:
        f.write(octets)
    return path


@tap.test('a body where none belongs: GET and HEAD with a length are answered, then closed')
def body_of_get():
    for fields in (('Content-Length: 5',), ('Transfer-Encoding: chunked',)):
        reply = is_good(ask(wire.get(PATH, *fields) + b'hello'))
        tap.equal(reply.headers['connection'], 'close')


@tap.test('an answer near its end: max-age and Expires stay within nextUpdate (H-41, U-4)')
def near_its_end():
    ca_end = ocsp.calendar.timegm(r.ca.certificate.not_valid_after.timetuple())
    with r.configured(producetime='1h', maxage='2h'):
        reply = ask(wire.get(PATH))
    single = ocsp.Response(reply.body).singles[0]
    age = int(re.match(r'max-age=(\d+)', reply.headers['cache-control']).group(1))
    assert 0 < age < 3600 and single.next_update < ca_end
    with r.configured(maxage='0'):
        tap.contains(ask(wire.get(PATH)).headers['cache-control'], 'max-age=0, public')


@tap.test('a POST answer may be cached by who knows how, and says no-store to nobody (L-18, H-42)')
def post_caching():
    reply = is_good(ask(wire.post(request)))
    for name in ('cache-control', 'pragma'):
        value = reply.headers.get(name, '')
        assert 'no-cache' not in value and 'no-store' not in value, value


tap.run(r.close)
