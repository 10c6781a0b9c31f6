#!/usr/bin/python3
"""What is one HTTP request? The program and nginx are given the same octets, tampered with, and
have to see the same requests in them: the same number, targets and bodies. Either may refuse what
the other takes, and ends the connection then; no request may look different to both."""
import collections
import os
import random
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import cases
import proxies
import tap
import wire
from mariadb import free_port
from responder import BUILD, LONG, PATIENCE_S, Responder, read_all

STREAMS = 20000 if LONG else 1000
responder = Responder()
SITE = '''
server {
    listen 127.0.0.1:%d;
    merge_slashes off;
    keepalive_timeout 2s;
    client_header_timeout 2s;
    client_body_timeout 2s;
    lingering_close off;
    client_max_body_size 1m;
    client_body_buffer_size 64k;
    large_client_header_buffers 4 32k;
    location / {
        proxy_pass http://127.0.0.1:%d;
        proxy_ignore_client_abort on;
    }
}
'''

Request = collections.namedtuple('Request', 'method path body')


class Recorder:
    """A server behind nginx that writes down what it is asked. nginx has made HTTP/1.0 with a
    Content-Length of it."""

    def __init__(self):
        self.requests, self.listener = [], socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            sock, _ = self.listener.accept()
            with sock:
                sock.settimeout(PATIENCE_S)
                self.serve(sock)

    def serve(self, sock):
        octets = b''
        while b'\r\n\r\n' not in octets:
            octets += sock.recv(65536) or b'\r\n\r\n'
        head, _, body = octets.partition(b'\r\n\r\n')
        line, *fields = head.split(b'\r\n')
        length = sum(int(f[15:]) for f in fields if f.lower().startswith(b'content-length:'))
        while len(body) < length:
            body += sock.recv(65536)
        method, path, _ = line.split(b' ', 2)
        self.requests.append(Request(method.decode(), path, body))
        sock.sendall(b'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n')


class Nginx:
    def __init__(self, responder):
        self.recorder, self.port = Recorder(), free_port()
        proxies.run_nginx(responder, SITE % (self.port, self.recorder.port), self.port)

    def ask(self, octets):
        """The requests it saw."""
        self.recorder.requests = []
        with wire.connect(self.port) as sock:
            try:
                sock.sendall(octets)
                sock.shutdown(socket.SHUT_WR)
                read_all(sock)
            except OSError:
                pass        # it has reset the connection
        return list(self.recorder.requests)


class Ours:
    def __init__(self):
        self.child = subprocess.Popen([os.path.join(BUILD, 'fuzz', 'framing')],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, octets):
        """The requests it saw (a body of None: there was nothing to answer), and what it sent."""
        self.child.stdin.write(len(octets).to_bytes(4, 'big') + octets)
        self.child.stdin.flush()
        requests = []
        while True:
            line = self.child.stdout.readline()
            assert line, 'it ended at %r' % octets
            kind, *words = line.decode().rstrip('\n').split(' ')
            if kind == 'answers':
                break
            method, path, body = words
            requests.append(Request(method, bytes.fromhex(path),
                                    None if body == '-' else bytes.fromhex(body)))
        return requests, bytes.fromhex(words[0])

    def close(self):
        self.child.stdin.close()
        tap.equal(self.child.wait(PATIENCE_S), 0)


# --- octets to be tampered with

FIELDS = [b'Content-Length: 4', b'Content-Length: 5', b'Content-Length: 04', b'Content-Length: +4',
          b'Content-Length: 4, 4', b'Content-Length: 4,5', b'Content-Length : 4',
          b'Content-Length:\t4 ', b'Content-Length: 0x4', b'Content-Length:',
          b'Content-Length: -1', b'Content-Length: 18446744073709551620',
          b'Transfer-Encoding: chunked', b'Transfer-Encoding: Chunked',
          b'Transfer-Encoding: identity', b'Transfer-Encoding:chunked',
          b'Transfer-Encoding: chunked, chunked', b'Transfer-Encoding: gzip, chunked',
          b'Transfer-Encoding : chunked', b' Transfer-Encoding: chunked',
          b'Transfer-Encoding: xchunked', b'Transfer-Encoding: "chunked"',
          b'Transfer_Encoding: chunked', b'X: a\rContent-Length: 4', b'X: a\0b', b'X:\x0bb',
          b'Host: b', b'Host: a b', b'Host:', b'Connection: close', b'Connection: keep-alive',
          b'Expect: 100-continue', b'Expect: x', b'no colon', b': empty',
          b'Content-Type: text/plain', b'Content-Encoding: gzip', b'\xff: x', b'X: \xff\x80']
GET = b'GET %s HTTP/1.1' % wire.target(responder.request(1), '//x/').encode()
GOOD_LINES = [b'GET / HTTP/1.1', GET, b'POST /x HTTP/1.1', b'POST http://a/abs HTTP/1.1',
              b'POST / HTTP/1.1', b'HEAD / HTTP/1.1', b'OPTIONS /o HTTP/1.1',
              b'GET http://a HTTP/1.1']
ODD_LINES = [b'GET /a%2Fb//c?d HTTP/1.1', b'POST /x HTTP/1.0', b'OPTIONS * HTTP/1.1',
             b'POST  / HTTP/1.1', b'POST / HTTP/1.2', b'POST / HTTP/2.0', b'PUT / HTTP/1.1',
             b'POST /\tx HTTP/1.1', b'GET / ', b'GET /', b'get / HTTP/1.1', b'GET /\xe4 HTTP/1.1',
             b'GET /a b HTTP/1.1', b'GET /#f HTTP/1.1', b'GET /../x HTTP/1.1', b'GET x HTTP/1.1']
CHUNKED = [b'4\r\nabcd\r\n0\r\n\r\n', b'04\r\nabcd\r\n00\r\n\r\n', b'4;a=b\r\nabcd\r\n0;x\r\n\r\n',
           b'4 \r\nabcd\r\n0\r\n\r\n', b'4\nabcd\n0\n\n', b'4\r\nabcd\r\n0\r\nT: x\r\n\r\n',
           b'4\r\nabcdX0\r\n\r\n', b'0x4\r\nabcd\r\n0\r\n\r\n', b'+4\r\nabcd\r\n0\r\n\r\n',
           b'A\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n', b'4\r\nabcd\r\n0\r\n', b'4\r\nabcd\r\n\r\n',
           b'10000000000000004\r\nabcd\r\n0\r\n\r\n', b'4;a="\r\n"\r\nabcd\r\n0\r\n\r\n',
           b'4\r\r\nabcd\r\n0\r\n\r\n', b'4\r\nabcd\r\n0\r\n\n', b' 4\r\nabcd\r\n0\r\n\r\n']


def request_of(chance):
    """One request, right or a little wrong."""
    lines = [chance.choice(ODD_LINES if chance.random() < 0.1 else GOOD_LINES), b'Host: a']
    kind = chance.random()
    if lines[0].startswith(b'POST') or chance.random() < 0.1:
        if kind < 0.45:
            length = chance.choice((0, 4, 4, 5, 30))
            body = bytes(chance.choice(b'abcdGET /') for _ in range(length))
            lines.append(b'Content-Length: %d' % len(body))
        elif kind < 0.9:
            body = chance.choice(CHUNKED[:4] if chance.random() < 0.7 else CHUNKED)
            lines.append(b'Transfer-Encoding: chunked')
        else:
            body = b'abcd'
    else:
        body = b''
    if chance.random() < 0.3:
        lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(FIELDS))
    if chance.random() < 0.05:
        lines.insert(0, b'')
    if chance.random() < 0.02:
        del lines[chance.randrange(len(lines))]
    end = b'\n' if chance.random() < 0.05 else b'\r\n'
    return end.join(lines) + end * 2 + body


def tamper(chance, octets):
    octets = bytearray(octets)
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(octets))
        what = chance.randrange(5)
        if what == 0:
            octets[at] = chance.randrange(256)
        elif what == 1:
            octets[at:at] = chance.choice((b'\r', b'\n', b'\r\n', b' ', b'\t', b'\0', b':', b'0'))
        elif what == 2:
            del octets[at]
        elif what == 3:
            octets[at:at] = octets[max(0, at - chance.randrange(1, 20)):at]
        else:
            end = octets.find(b'\r\n', at)
            if end >= 0:
                octets[end:end + 2] = chance.choice((b'\n', b'\r', b' \r\n', b'\r\n ', b'\r\r\n'))
    return bytes(octets)


def streams(number):
    chance = random.Random(9112)
    recorded = [octets for _, octets, _, _ in cases.read('http-cases', '.http')]
    for n in range(number):
        if n < len(recorded):
            yield recorded[n]
            continue
        base = b''.join(request_of(chance) for _ in range(chance.choice((1, 2, 2, 3))))
        if chance.random() < 0.1:
            base = chance.choice(recorded) + base
        yield tamper(chance, base) if chance.random() < 0.5 else base


# --- what both have seen

def differ(ours, sent, theirs):
    """None, or how they see it differently."""
    for mine, other in zip(ours, theirs):
        if (mine.method, mine.path) != (other.method, other.path):
            return 'another request'
        # of a GET nothing behind the head is read: the connection ends if there is something
        if mine.body is not None and mine.method == 'POST' and mine.body != other.body:
            return 'another body'
    ended = not sent or b'\r\nConnection: close\r\n' in sent
    if len(theirs) > len(ours) and not ended:
        return 'nginx sees a request that is not answered here'
    return None


count = collections.Counter()
ours = Ours()


@tap.test('nginx and the program see the same requests in %d streams' % STREAMS)
def same():
    nginx = Nginx(responder)
    for octets in streams(STREAMS):
        mine, sent = ours.ask(octets)
        theirs = nginx.ask(octets)
        found = differ(mine, sent, theirs)
        assert not found, '%s: %r\nours: %r %r\nnginx: %r' % (found, octets, mine, sent, theirs)
        both = min(len(mine), len(theirs))
        count['requests in all that both see'] += both
        count['streams with several requests that both see'] += both > 1
        count['streams that nginx takes more of'] += len(mine) < len(theirs)
        count['streams that we take more of'] += len(mine) > len(theirs)
    for what, number in count.items():
        tap.note('%6d %s' % (number, what))
    assert count['streams with several requests that both see'] > STREAMS / 10


def clean_up():
    ours.close()
    responder.close()


tap.run(clean_up)
