#!/usr/bin/python3
"""hostile.py PORT BEHAVIOUR FOLDER [--at-once N] [--sources N] [--anew N] [--seconds S]
           [--rate R]

Keeps N connections at once whose clients behave like this, from so many addresses, and opens
another for each that ends, --anew in a second at most. Several behaviours, with commas between, go
on side by side. Meanwhile a well-behaved client from an address of its own asks R times a second,
on time whatever became of the last request: for what is cached, and each fifth time with a nonce,
so that an answer has to be signed. FOLDER: what make_ca() of system.sh made. Prints a line of JSON:

  tried, held     connections of the attack: in all, and at most at once in the server's hands
  refused         got 503, or were closed or reset without a word before their time was up
  longest         s that one was held
  asked, answered, later, lost, wrong, p50, p99, max   of the well-behaved client; later: tryLater,
                  where an answer has to be signed; times of all answers in ms
  faults          what came to it instead

Runs in a network namespace of its own: "vanishing" gives loopback addresses and takes them away.
"""
import argparse
import collections
import concurrent.futures
import errno
import itertools
import json
import multiprocessing
import os
import select
import socket
import struct
import subprocess
import time

import der
import ocsp
import wire
from cryptography import x509

PATIENCE_S = 20         # how long the well-behaved client waits
EARLY_S = 3             # before this nobody is ended by the time limit
TICK_S = 0.01


class Behaviour:
    """What a hostile client does. openings: its first octets, in turn, or a function that makes
    them; after that, until it is ended, more: octets that it sends again and again, or one by one
    each second."""

    def __init__(self, *openings, more=b'', each_second=False, half_close=False, reset=False,
                 vanish=False, reads=True):
        self.openings, self.more, self.each_second = openings, more, each_second
        self.half_close, self.reset, self.vanish, self.reads = half_close, reset, vanish, reads


def behaviours(request):
    """request(nonce=None): an OCSP request."""
    whole = wire.post(request())
    half = whole[:len(whole) // 2]
    huge = b'POST / HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n'
    return {
        'silent': Behaviour(b''),
        'one octet a second': Behaviour(b'', more=whole, each_second=True),
        'head without end': Behaviour(b'GET / HTTP/1.1\r\n',
                                      more=b'X-Field: %s\r\n' % (b'x' * 990)),
        'body without end': Behaviour(
            huge % b'Content-Type: application/ocsp-request\r\nContent-Length: 16000',
            huge % b'Content-Type: application/ocsp-request\r\nTransfer-Encoding: chunked',
            huge % b'Content-Length: 99999999999', more=b'400\r\n%s\r\n' % (b'x' * 0x400)),
        'half closed': Behaviour(half, b'', whole, half_close=True),
        'reset': Behaviour(half, whole, b'', reset=True),
        'vanishing': Behaviour(half, whole, vanish=True),
        'never reading': Behaviour(whole * 20, more=whole, reads=False),
        'halting': Behaviour(b'P', half),
        'asking': Behaviour(whole),
        'asking anew': Behaviour(lambda: wire.post(request(nonce=os.urandom(16)))),
    }


class Client:
    def __init__(self, sock, opening):
        self.sock, self.out, self.got = sock, opening, b''
        self.since = self.byte_at = time.monotonic()
        self.connected = self.dripped = 0


class Attack:
    def __init__(self, port, behaviour, at_once, anew, sources, net):
        self.port, self.b, self.at_once, self.sources = port, behaviour, at_once, sources
        self.anew, self.net = anew, net
        self.poll, self.clients = select.epoll(), {}
        self.numbers, self.counts = itertools.count(), collections.Counter()
        self.held = self.longest = 0
        self.abandoned, self.addresses = [], []

    def source(self, number):
        if self.b.vanish:
            return self.addresses[number % len(self.addresses)]
        number %= self.sources
        return '127.%d.%d.%d' % (self.net, number // 250, number % 250 + 1)

    def open_one(self):
        number = next(self.numbers)
        sock = socket.socket()
        sock.setblocking(False)
        if not self.b.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        # or 250 addresses would run out of ports that are waiting
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)       # IP_BIND_ADDRESS_NO_PORT
        sock.bind((self.source(number), 0))
        self.counts['tried'] += 1
        code = sock.connect_ex(('127.0.0.1', self.port))
        if code not in (0, errno.EINPROGRESS):
            self.counts['refused'] += 1
            sock.close()
            return
        opening = self.b.openings[number % len(self.b.openings)]
        opening = opening() if callable(opening) else opening
        self.clients[sock.fileno()] = Client(sock, opening)
        self.poll.register(sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def end(self, client, without_a_word=False):
        seconds = time.monotonic() - client.since
        if not self.b.reads:
            try:
                client.got = client.sock.recv(100)
            except OSError:
                pass
        if client.got.startswith(b'HTTP/1.1 503') or (without_a_word and not client.got):
            self.counts['refused'] += 1
        elif client.connected:
            self.longest = max(self.longest, seconds)
        self.poll.unregister(client.sock.fileno())
        del self.clients[client.sock.fileno()]
        if self.b.reset:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.sock.close()

    def send(self, client):
        """Sends what is due. False: nothing more will ever be due."""
        while True:
            if not client.out and self.b.more and not self.b.each_second:
                client.out = self.b.more * 8
            if not client.out:
                return False
            client.out = client.out[client.sock.send(client.out):]

    def on_event(self, client, events):
        client.connected = 1
        early = time.monotonic() - client.since < EARLY_S
        try:
            if events & select.EPOLLOUT and not self.send(client):
                if self.b.half_close:
                    client.sock.shutdown(socket.SHUT_WR)
                if self.b.reset:
                    return self.end(client)
                self.poll.modify(client.sock.fileno(), select.EPOLLIN if self.b.reads else 0)
            if events & select.EPOLLIN and self.b.reads:
                octets = client.sock.recv(65536)
                client.got = client.got or octets
                if not octets:
                    self.end(client, early and not self.b.half_close)
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                self.end(client, early)
        except BlockingIOError:
            pass
        except OSError:
            # a reset in a flood is how the server ends it
            self.end(client, early and (not self.b.more or not self.b.reads))

    def drip(self, now):
        for client in list(self.clients.values()):
            if client.connected and now - client.byte_at >= 1:
                client.byte_at = now
                at = client.dripped % len(self.b.more)
                client.dripped += 1
                try:
                    client.sock.send(self.b.more[at:at + 1])
                except OSError:
                    pass        # the next event tells

    def come(self, wave):
        self.addresses = ['10.99.%d.%d' % (wave % 250, i + 1)
                          for i in range(max(1, self.at_once // 50))]
        ip(['addr add %s/32 dev lo' % a for a in self.addresses])

    def vanish(self):
        """All who are there lose their addresses: what they do from now on reaches nobody."""
        ip(['addr del %s/32 dev lo' % a for a in self.addresses])
        for client in self.clients.values():
            self.poll.unregister(client.sock.fileno())
            self.abandoned.append(client.sock)
        self.clients, self.addresses = {}, []

    def run(self, seconds):
        start = now = time.monotonic()
        opened, wave = 0, 0
        while now < start + seconds:
            if self.b.vanish and now >= start + wave:
                self.vanish()
                self.come(wave)
                wave, opened = wave + 1, 0
            # all at once in the beginning, later as many as a second allows
            allowed = self.at_once + (0 if self.b.vanish else self.anew * (now - start))
            while len(self.clients) < self.at_once and opened < allowed:
                self.open_one()
                opened += 1
            for fd, events in self.poll.poll(TICK_S, 1000):
                if fd in self.clients:
                    self.on_event(self.clients[fd], events)
            if self.b.each_second:
                self.drip(now)
            now = time.monotonic()
            self.held = max(self.held, sum(
                c.connected and now - c.since > 0.3 for c in self.clients.values()))
        if self.b.vanish:
            self.vanish()
        for client in self.clients.values():
            if client.connected:
                self.longest = max(self.longest, time.monotonic() - client.since)
        return {'tried': self.counts['tried'], 'held': self.held, 'longest': self.longest,
                'refused': self.counts['refused']}


def ip(commands):
    subprocess.run(['ip', '-batch', '-'], input='\n'.join(commands) + '\n', text=True, check=True)


class GoodClient:
    def __init__(self, port, folder):
        self.port = port
        with open(os.path.join(folder, 'ca.pem'), 'rb') as f:
            self.ca = x509.load_pem_x509_certificate(f.read())
        self.certid = {}
        for name in ('good', 'revoked'):
            with open(os.path.join(folder, name + '.pem'), 'rb') as f:
                leaf = x509.load_pem_x509_certificate(f.read())
            self.certid[name] = ocsp.certid(self.ca, leaf.serial_number)
        self.faults = collections.Counter()

    def request(self, name, nonce=None):
        return ocsp.request(self.certid[name], *([ocsp.nonce(nonce)] if nonce else []))

    def ask(self, name, nonce, due):
        """(name, nonce, body, ms); body is None if no answer came."""
        octets, body = b'', None
        try:
            with wire.connect(self.port, '127.0.0.2', PATIENCE_S) as sock:
                sock.sendall(wire.post(self.request(name, nonce), 'Connection: close'))
                while chunk := sock.recv(65536):
                    octets += chunk
            reply = wire.only(octets)
            if reply.status == 200:
                body = reply.body
            else:
                self.faults['HTTP %d' % reply.status] += 1
        except (OSError, AssertionError) as error:
            self.faults[str(error)[:60]] += 1
        return name, nonce, body, 1000 * (time.monotonic() - due)

    def verdict(self, name, nonce, body):
        if body is None:
            return 'lost'
        try:
            response = ocsp.Response(body)
        except der.DERError as error:
            self.faults[str(error)] += 1
            return 'wrong'
        if response.status == 'tryLater' and nonce:
            return 'later'
        found = response.code and [response.status] or \
            response.faults(self.ca, [self.certid[name]], nonce)
        if not found and (str(response.singles[0].status) != name or response.nonce != nonce):
            found = ['%s, nonce %r' % (response, response.nonce)]
        self.faults.update(found)
        # an error is an answer that did not help; never may it be an answer to something else
        return 'lost' if response.code else 'wrong' if found else 'answered'

    def run(self, seconds, rate):
        start, asked = time.monotonic() + 0.2, []
        with concurrent.futures.ThreadPoolExecutor(int(rate * PATIENCE_S)) as pool:
            for i in range(int(seconds * rate)):
                due = start + i / rate
                time.sleep(max(0, due - time.monotonic()))
                nonce = os.urandom(16) if i % 5 == 4 else None
                asked.append(pool.submit(self.ask, ('good', 'revoked')[i % 2], nonce, due))
            results = [a.result() for a in asked]
        # one verification for each answer that there is
        known = {key: self.verdict(*key) for key in {r[:3] for r in results if r[2]}}
        verdicts = [known.get(r[:3], 'lost') for r in results]
        times = sorted(r[3] for r, v in zip(results, verdicts) if v != 'lost') or [float('nan')]
        counts = {v: verdicts.count(v) for v in ('answered', 'later', 'lost', 'wrong')}
        return dict(counts, asked=len(results), p50=times[len(times) // 2],
                    p99=times[int(len(times) * 0.99)], max=times[-1], faults=dict(self.faults))


def attack(pipe, seconds, *args):
    pipe.send(Attack(*args).run(seconds))


def all_attacks(o, request):
    """Each in a process of its own: the well-behaved client needs its processor time too."""
    running = []
    for i, name in enumerate(o.behaviour.split(',')):
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.Process(target=attack, args=(
            theirs, o.seconds, o.port, behaviours(request)[name], o.at_once,
            o.anew, o.sources, i + 1))
        child.start()
        running.append((child, ours))
    return running


def sum_of(running):
    results = [pipe.recv() for _, pipe in running]
    for child, _ in running:
        child.join()
    total = {what: sum(r[what] for r in results) for what in ('tried', 'held', 'refused')}
    return dict(total, longest=max(r['longest'] for r in results))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('port', type=int)
    parser.add_argument('behaviour')
    parser.add_argument('folder')
    parser.add_argument('--at-once', type=int, default=100)
    parser.add_argument('--sources', type=int, default=25)
    parser.add_argument('--anew', type=float, default=100)
    parser.add_argument('--seconds', type=float, default=8)
    parser.add_argument('--rate', type=float, default=20)
    o = parser.parse_args()
    good = GoodClient(o.port, o.folder)
    running = all_attacks(o, lambda nonce=None: good.request('good', nonce))
    time.sleep(0.3)
    result = good.run(o.seconds - 0.5, o.rate)
    result.update(sum_of(running))
    print(json.dumps(result))


if __name__ == '__main__':
    main()
