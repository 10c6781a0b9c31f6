#!/usr/bin/python3
"""HTTP as RFC 6960 appendix A and RFC 9110 to 9112 want it, octet by octet."""
import email.utils
import hashlib
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import cases
import ocsp
import tap
import wire
from responder import read_all

r = cases.make_responder()
_, port = r.listen()
GOOD = 0x46784eb99a2ec643dcb247b7a435c56b
REVOKED = 0x22ce20c7d61a0ce05817ad2748953a77
request = r.request(GOOD)


def send(octets, half_close=False, responder=r):
    """All that comes back on a connection of its own, as an inetd makes it."""
    child, sock = responder.converse('--http')
    with sock:
        sock.sendall(octets)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)
    tap.equal(child.wait(60), 0, 'exit code')
    return answer


def ask(octets, to_head=False):
    return wire.only(send(octets), to_head)


def is_good(reply, want='good'):
    tap.equal(reply.status, 200)
    tap.equal(reply.headers['content-type'], 'application/ocsp-response', 'O-38')
    response = ocsp.Response(reply.body)
    tap.equal(str(response), want)
    tap.equal(response.faults(r.ca.certificate), [])
    return response


def is_error(reply, *statuses):
    assert reply.status in statuses, 'status %d, want one of %r' % (reply.status, statuses)
    tap.equal(reply.headers.get('cache-control'), 'no-store', 'H-32, U-8')
    tap.equal(reply.headers.get('connection'), 'close', 'H-15')
    date = email.utils.parsedate_to_datetime(reply.headers['date'])
    assert abs(date.timestamp() - time.time()) < 60, 'H-24'


@tap.test('POST (O-37)')
def post():
    reply = ask(wire.post(request))
    is_good(reply)
    tap.equal(reply.headers['connection'], 'close', 'H-15')
    is_good(ask(wire.post(r.request(REVOKED))), 'revoked(1)')
    is_good(ask(wire.post(request, version='1.0')))


@tap.test('GET in all the ways that clients write it (O-36, U-1, U-2)')
def get():
    paths = {'escaped': wire.target(request), 'raw': wire.target(request, safe='/+='),
             'lower-case escapes': re.sub('%..', lambda m: m.group().lower(), wire.target(request)),
             'two slashes': wire.target(request, '//'), 'a prefix': wire.target(request, '/ocsp/'),
             'a deep prefix': wire.target(request, '/a/b/c//'),
             'blank for plus': wire.target(request, safe='/=').replace('%2B', '%20'),
             'no padding': wire.target(request).replace('%3D', ''),
             'absolute form': 'http://test' + wire.target(request)}
    for name, path in paths.items():
        tap.note(name)
        is_good(ask(wire.get(path)))
    is_good(ask(wire.get(paths['escaped'], version='1.0')))


@tap.test('a GET whose base64 has // and runs of plus signs (U-1, U-2)')
def get_slashes():
    paths = ''
    for fill in (b'\xff\xff\xff', b'\xfb\xef\xbe', b'\xef\xbe\xfb', b'\xbe\xfb\xef'):
        odd = ocsp.request(r.certid(GOOD), ocsp.extension('1.2.3.4', fill * 12))
        path = wire.target(odd, safe='/+=')
        is_good(ask(wire.get(path)))
        paths += path[1:]
    assert '////' in paths and '++++' in paths


@tap.test('headers of a GET that caches can use (L-15 to L-17, H-26, H-41)')
def get_headers():
    reply = ask(wire.get(wire.target(request)))
    response, h = is_good(reply), reply.headers
    single = response.singles[0]
    when = {k: email.utils.parsedate_to_datetime(h[k]).timestamp()
            for k in ('date', 'expires', 'last-modified')}
    assert abs(when['date'] - time.time()) < 60
    tap.equal(when['last-modified'], single.this_update, 'C-6')
    tap.equal(when['expires'], single.next_update, 'L-15')
    tap.equal(h['etag'], '"%s"' % hashlib.sha256(reply.body).hexdigest(), 'L-17')
    tap.equal(h['cache-control'], 'max-age=300, public, no-transform, must-revalidate', 'L-15')
    tap.equal(int(h['content-length']), len(reply.body))


@tap.test('certificateHold has the shortest max-age: recheck, if that is less than maxage (P-5)')
def max_age_on_hold():
    held = r.add(r.ca.issue('on hold'))
    for recheck, maxage, least in (('20', '300', 20), ('200', '100', 100)):
        for reason, want in (('certificate_hold', least), ('superseded', int(maxage))):
            r.revoke(held, reason=reason)
            r.clear_cache()
            with r.configured(recheck=recheck, maxage=maxage):
                reply = ask(wire.get(wire.target(r.request(held))))
            tap.contains(reply.headers['cache-control'], 'max-age=%d,' % want)


@tap.test('max-age never reaches beyond nextUpdate (H-41, U-4)')
def max_age():
    with r.configured(maxage='86400', producetime='1h'):
        reply = ask(wire.get(wire.target(request)))
    left = ocsp.Response(reply.body).singles[0].next_update - time.time()
    age = int(re.search(r'max-age=(\d+)', reply.headers['cache-control']).group(1))
    assert left - 60 < age < left + 1, '%d, %d seconds before nextUpdate' % (age, left)


@tap.test('HEAD is GET without the body (H-21)')
def head():
    get, head = ask(wire.get(wire.target(request))), \
        ask(wire.get(wire.target(request), method='HEAD'), to_head=True)
    tap.equal(head.rest, b'')
    for reply in get, head:
        del reply.headers['date']
    tap.equal(head.headers, get.headers)


@tap.test('304 for a matching If-None-Match, weak comparison, lists and * (H-28 to H-30)')
def not_modified():
    path = wire.target(request)
    first = ask(wire.get(path))
    etag = first.headers['etag']
    for value in (etag, 'W/' + etag, '"x", %s' % etag, '*'):
        reply = ask(wire.get(path, 'If-None-Match: ' + value))
        tap.equal((reply.status, reply.body, reply.rest), (304, b'', b''), value)
        for name in ('etag', 'cache-control', 'expires'):
            tap.equal(reply.headers[name], first.headers[name], 'H-30')
        assert 'content-length' not in reply.headers and 'content-type' not in reply.headers, 'H-25'
    is_good(ask(wire.get(path, 'If-None-Match: "x"')))
    is_good(ask(wire.get(path, 'If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT')))


@tap.test('an answer with a nonce belongs to one client (C-7)')
def nonce_headers():
    asked = r.request(GOOD, ocsp.nonce(bytes(32)))
    with r.configured(nonce='echo'):
        reply = ask(wire.get(wire.target(asked)))
    tap.equal(reply.headers['cache-control'], 'private, max-age=0, must-revalidate')
    tap.equal(ocsp.Response(reply.body).nonce, bytes(32))


@tap.test('an answer without nextUpdate is for no cache, but not no-store (L-18)')
def endless_headers():
    r.own(r.write('endless.der', r.ca.answer(r.ca, end=False)))
    body = ocsp.request([ocsp.certid(r.ca.certificate, r.ca.serial)])
    with r.configured(ocspresponse='endless.der'):
        for request in (wire.post(body), wire.get(wire.target(body))):
            reply = ask(request)
            tap.equal(str(ocsp.Response(reply.body)), 'good')
            tap.equal(reply.headers['cache-control'], 'private, max-age=0, must-revalidate')


@tap.test('an OCSP error is HTTP 200 and never cached (O-39, L-18, U-8)')
def ocsp_errors():
    for body, status in ((b'\x30\x00', 'malformedRequest'), (b'', 'malformedRequest'),
                         (r.request(GOOD + 1), 'unauthorized')):
        reply = ask(wire.post(body))
        tap.equal((reply.status, ocsp.Response(reply.body).status), (200, status))
        tap.equal(reply.headers['cache-control'], 'no-store')
        assert 'etag' not in reply.headers and 'expires' not in reply.headers


@tap.test('a person with a browser: /, /favicon.ico (U-10)')
def browser():
    tap.equal(ask(wire.get('/')).status, 200)
    is_error(ask(wire.get('/favicon.ico')), 404)
    is_error(ask(wire.get('/?query')), 404)
    is_error(ask(wire.get('/%zz')), 400)


@tap.test('methods: OPTIONS, known ones 405 with Allow, unknown ones 501 (H-7, H-22)')
def methods():
    for path in ('*', '/'):
        reply = ask(wire.get(path, method='OPTIONS'))
        tap.equal(reply.status, 200)
        tap.equal(reply.headers['allow'], 'GET, HEAD, POST, OPTIONS')
    for method in ('PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT'):
        reply = ask(wire.get('/', method=method))
        is_error(reply, 405, 400 if method == 'CONNECT' else 405)
        if reply.status == 405:
            tap.equal(reply.headers['allow'], 'GET, HEAD, POST, OPTIONS')
    is_error(ask(wire.get('/', method='BREW')), 501)


@tap.test('what a POST must have: length 411, type 415, size 413 (H-31, H-33, H-34, U-11)')
def posts():
    is_error(ask(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n\r\n'), 411)
    reply = ask(wire.post(request, content_type='text/plain'))
    is_error(reply, 415)
    tap.equal(reply.headers['accept'], 'application/ocsp-request')
    is_error(ask(wire.post(request, 'Content-Encoding: gzip')), 415)
    is_error(ask(wire.post(b'', length=16385)), 413)
    is_error(ask(wire.post(b'', length=10 ** 30)), 413, 400)
    is_good(ask(wire.post(request, content_type='Application/OCSP-Request; charset=x')))


@tap.test('requests that must be refused with 400 (H-2, H-3, H-6, H-8, H-11, H-12)')
def refused():
    head = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n'
    whole = b'Content-Length: %d\r\n\r\n' % len(request) + request
    cases = {
        'no Host': b'GET / HTTP/1.1\r\n\r\n',
        'two Hosts': b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
        'bare CR': head + b'X: a\rb\r\n' + whole,
        'NUL': head + b'X: a\0b\r\n' + whole,
        'blank before the colon': head + b'X : a\r\n' + whole,
        'blank before the first field': b'GET / HTTP/1.1\r\n Host: x\r\n\r\n',
        'two lengths': head + b'Content-Length: 1\r\n' + whole,
        'length and chunked': head + b'Transfer-Encoding: chunked\r\n' + whole,
        'length +1': head + b'Content-Length: +1\r\n\r\nx',
        'length -1': head + b'Content-Length: -1\r\n\r\n',
        'length 0x10': head + b'Content-Length: 0x10\r\n\r\n' + bytes(16),
        'no version': b'GET /\r\n\r\n',
    }
    for name, octets in cases.items():
        reply = ask(octets)
        assert reply.status == 400, '%s: %d' % (name, reply.status)
        is_error(reply, 400)
    is_error(ask(b'GET / HTTP/2.0\r\nHost: x\r\n\r\n'), 505, 400)
    is_error(ask(b'GET /' + b'x' * 13000 + b' HTTP/1.1\r\nHost: x\r\n\r\n'), 414)
    is_error(ask(b'GET / HTTP/1.1\r\nHost: x\r\n' + b'X: y\r\n' * 5000 + b'\r\n'), 431)


@tap.test('lenient where it does no harm: blank lines first, bare LF, case (H-1, H-2)')
def lenient():
    is_good(ask(b'\r\n\r\n' + wire.post(request)))
    lines = b'POST / HTTP/1.1\nhost: x\ncontent-type: application/ocsp-request\n'
    is_good(ask(lines + b'content-length: %d\n\n' % len(request) + request))


def chunks(body, size, extension=b''):
    out = b''
    for i in range(0, len(body), size):
        part = body[i:i + size]
        out += b'%x%s\r\n%s\r\n' % (len(part), extension, part)
    return out


CHUNKED = (b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n'
           b'Transfer-Encoding: chunked\r\n\r\n')


@tap.test('chunked bodies: one chunk, an octet each, extensions, trailers (H-9)')
def chunked():
    is_good(ask(CHUNKED + chunks(request, 1000) + b'0\r\n\r\n'))
    is_good(ask(CHUNKED + chunks(request, 1) + b'0\r\n\r\n'))
    is_good(ask(CHUNKED + chunks(request, 7, b';a=b;c="d"') + b'0;x\r\nTrailer: y\r\n\r\n'))
    is_error(ask(CHUNKED + b'zz\r\n' + request), 400)
    is_error(ask(CHUNKED + b'ffffffffffffffffffff\r\n' + request), 400, 413)
    is_error(ask(CHUNKED + chunks(bytes(20000), 1000) + b'0\r\n\r\n'), 413)
    is_error(ask(CHUNKED.replace(b'chunked', b'gzip, chunked') + request), 501)
    is_error(ask(CHUNKED.replace(b'chunked', b'gzip') + request), 400)


@tap.test('Expect: 100-continue (H-23)')
def expect():
    octets = wire.post(request, 'Expect: 100-continue')
    head, body = octets[:-len(request)], octets[-len(request):]
    child, sock = r.converse('--http')
    with sock:
        sock.sendall(head)
        interim = sock.recv(1000)
        tap.equal(interim, b'HTTP/1.1 100 Continue\r\n\r\n')
        sock.sendall(body)
        is_good(wire.only(read_all(sock)))
    is_good(ask(octets))
    is_good(ask(wire.post(request, 'Expect: 100-continue', version='1.0')))


@tap.test('a body that comes slowly, octet by octet, is read to its end')
def slow_body():
    octets = wire.post(request)
    child, sock = r.converse('--http')
    with sock:
        sock.sendall(octets[:-len(request)])
        for i in range(len(octets) - len(request), len(octets)):
            sock.sendall(octets[i:i + 1])
            time.sleep(0.01)
        is_good(wire.only(read_all(sock)))


@tap.test('half-closed after the request: answered; half a request: 400 (H-13, H-14)')
def half_close():
    is_good(wire.only(send(wire.post(request), half_close=True)))
    is_error(wire.only(send(wire.post(request)[:-1], half_close=True)), 400)


@tap.test('closed after the request line: a silent end, exit code 0 (D-4)')
def closed_early():
    child, sock = r.converse('--http')
    sock.sendall(b'POST / HTTP/1.1\r\n')
    sock.close()
    tap.equal(child.wait(60), 0)


@tap.test('pipelined requests do not damage the first answer (D-5)')
def pipelined():
    is_good(ask(wire.get(wire.target(request)) + wire.get(wire.target(r.request(REVOKED)))))


@tap.test('keepalive=3 answers three requests on a connection, then says close')
def keep_alive():
    with r.configured(keepalive='3'):
        octets = wire.get(wire.target(request)) + wire.post(r.request(REVOKED)) + wire.post(request)
        _, found = wire.replies(send(octets + wire.post(request)))
    tap.equal(len(found), 3)
    is_good(found[0])
    is_good(found[1], 'revoked(1)')
    is_good(found[2])
    tap.equal([f.headers.get('connection') for f in found], [None, None, 'close'])


@tap.test('an empty line behind the last request on a connection is answered with nothing (H-1)')
def blank_at_the_end():
    with r.configured(keepalive='3', timeout='2'):
        for half_close in (False, True):
            octets = send(wire.post(request) + b'\r\n', half_close)
            tap.equal(wire.only(octets).status, 200, 'half-closed: %s' % half_close)


@tap.test('what is left over in the socket does not destroy the answer (H-16)')
def staged_close():
    for tail in (b'x' * 100, wire.post(request) * 200):
        with wire.connect(port) as sock:
            sock.sendall(wire.post(request) + tail)
            time.sleep(0.2)     # the answer is there, and our octets lie unread at the other end
            is_good(wire.only(read_all(sock)))
    with wire.connect(port) as sock:
        sock.sendall(wire.post(b'', length=100000) + bytes(90000))
        time.sleep(0.2)
        is_error(wire.only(read_all(sock)), 413)


@tap.test('the client may keep its side open: the server closes (U-16)')
def server_closes():
    with wire.connect(port) as sock:
        sock.sendall(wire.post(request))
        start = time.monotonic()
        is_good(wire.only(read_all(sock)))
    assert time.monotonic() - start < 10


@tap.test('statusheader=yes tells the status in a header (U-18)')
def status_header():
    with r.configured(statusheader='yes'):
        tap.equal(ask(wire.post(request)).headers['x-ocsp-status'], 'good')
        tap.equal(ask(wire.post(r.request(GOOD + 1))).headers['x-ocsp-status'], 'unauthorized')
    assert 'x-ocsp-status' not in ask(wire.post(request)).headers


# --- recorded cases, with a connection that is kept

keeping = cases.make_responder(keepalive='10')
_, keeping_port = keeping.listen()


def play(octets, plan, enough):
    """Sends a case as its plan says; what came back until enough(octets), or nothing after a
    reset."""
    def offset(word):
        return len(octets) + (1 if word == '-1' else 0) + int(word) if int(word) < 0 else int(word)

    others = []
    with wire.connect(keeping_port) as sock:
        try:
            for step in plan:
                verb, *args = step.split()
                if verb == 'send':
                    sock.sendall(octets[offset(args[0]):offset(args[1])])
                elif verb == 'drip':
                    for i in range(offset(args[0]), offset(args[1])):
                        sock.sendall(octets[i:i + 1])
                        time.sleep(float(args[2]))
                elif verb == 'sleep':
                    time.sleep(float(args[0]))
                elif verb == 'wait100':
                    sock.settimeout(float(args[0]))
                    assert sock.recv(12, socket.MSG_PEEK), 'closed instead of 100'
                elif verb == 'shutwr':
                    sock.shutdown(socket.SHUT_WR)
                elif verb == 'conns':
                    others += [wire.connect(keeping_port, '127.0.0.%d' % (2 + n % 8))
                               for n in range(int(args[0]))]
                else:
                    raise AssertionError('unknown step ' + step)
            return receive(sock, enough)
        except (ConnectionResetError, BrokenPipeError):
            return b''
        finally:
            for other in others:
                other.close()


def receive(sock, enough):
    """What comes until the other side closes, or until enough() of it has come."""
    octets, end = b'', time.monotonic() + 20
    while not enough(octets):
        sock.settimeout(end - time.monotonic())
        chunk = sock.recv(65536)
        if not chunk:
            break
        octets += chunk
    return octets


def holds(alternative, interim, found):
    keys = dict(alternative)
    if 'drop' in keys or 'silent' in keys:
        return not found
    if len(found) < int(keys.get('n', 1)):
        return False
    reply = found[int(keys.get('n', 1)) - 1]
    response = cases.decode(reply.body)
    for key, value in alternative:
        if key == 'http':
            ok = str(reply.status) in value.split('|')
        elif key == 'hdr':
            name, _, pattern = value.partition('~')
            ok = re.search(pattern, reply.headers.get(name.lower(), ''), re.I)
        elif key == 'nohdr':
            ok = value.lower() not in reply.headers
        elif key == 'body':
            ok = not reply.body
        elif key == 'interim':
            ok = int(value) in interim
        elif key == 'close':
            ok = reply.headers.get('connection') == 'close'
        elif key == 'n':
            ok = True
        else:
            ok = cases.response_matches(key, value, response, None)
        if not ok:
            return False
    return True


def judge(name, octets, expect):
    plan = os.path.join(cases.DATA, 'http-cases', name + '.plan')
    steps = ['send 0 -1']
    if os.path.exists(plan):
        with open(plan) as f:
            steps = f.read().split('\n')
    heads = [m.group(1) == b'HEAD' for m in re.finditer(rb'(?:^|\r\n\r\n)(HEAD|GET|POST) ', octets)]
    alternatives = cases.alternatives(expect)

    def fits(answer):
        try:
            interim, found = wire.replies(answer, heads)
        except AssertionError:      # not all of a response is here
            return False
        return any(holds(a, interim, found) for a in alternatives)

    def enough(answer):
        return answer != b'' and fits(answer)

    answer = play(octets, [s for s in steps if s], enough)
    assert fits(answer), '%r; want %s' % (answer[:300], expect)
    interim, found = wire.replies(answer, heads)
    for reply in found:
        response = cases.decode(reply.body)
        if response and not response.code:
            tap.equal(response.faults(r.ca.certificate, asked_nonce=response.nonce), [])


for name, octets, expect, why in cases.read('http-cases', '.http'):
    tap.add('case %s%s' % (name, why and ': ' + why), judge, name, octets, expect)


@tap.test('and it still answers')
def alive():
    with wire.connect(keeping_port) as sock:
        sock.sendall(wire.post(request, 'Connection: close'))
        is_good(wire.only(read_all(sock)))


def cleanup():
    r.close()
    keeping.close()


tap.run(cleanup)
