#!/usr/bin/python3
"""Requests that were recorded from clients, or written to be hard to read, each over HTTP POST."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import cases
import der
import ocsp
import tap
import wire
from responder import LONG, read_all

r = cases.make_responder(nonce='echo')
_, port = r.listen()


def post(body):
    """The reply, or None if the connection was closed or reset without one."""
    with wire.connect(port) as sock:
        try:
            sock.sendall(wire.post(body))
        except OSError:
            pass    # more than it wants to read; the answer may be there all the same
        try:
            octets = read_all(sock)
        except ConnectionResetError:
            return None
        return wire.only(octets) if octets else None


def holds(alternative, reply, response, nonce):
    for key, value in alternative:
        if key == 'drop':
            if reply is not None:
                return False
        elif key == 'http':
            if reply is None or str(reply.status) not in value.split('|'):
                return False
        elif not cases.response_matches(key, value, response, nonce):
            return False
    return True


def judge(octets, expect):
    reply = post(octets)
    response = cases.decode(reply.body) if reply else None
    ids, nonce = ocsp.read_request(octets)
    assert any(holds(a, reply, response, nonce) for a in cases.alternatives(expect)), \
        'HTTP %s, %s; want %s' % (reply and reply.status, response, expect[:300])
    if response is not None:
        tap.equal(reply.headers['content-type'], 'application/ocsp-response', 'O-38')
        if response.code == 0:
            tap.equal(response.faults(r.ca.certificate, ids, nonce), [])


for name, octets, expect, why in cases.read('corpus', '.der'):
    tap.add('%s%s' % (name, why and ': ' + why.replace('#', '')), judge, octets, expect)

tap.add('4 MB: a limit holds (U-11)', judge, bytes(4 << 20),
        'http=413 status=- || http=200 status=malformedRequest')
tap.add('3,000 certificates in a request', judge,
        ocsp.request([r.certid(1 << 80 | n) for n in range(3000)]),
        'http=413 status=- || http=200 status=malformedRequest')


@tap.test('mutated requests are answered, well-formed')
def mutated():
    chance = random.Random(1)
    base = r.request(1, ocsp.nonce(bytes(range(32))))
    for n in range(5000 if LONG else 500):
        octets = bytearray(base)
        for _ in range(chance.choice((1, 1, 2, 4))):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        reply = post(bytes(octets))
        assert reply and reply.status == 200, 'HTTP %s to %s' % (reply and reply.status, octets.hex())
        try:
            cases.decode(reply.body)
        except der.DERError as error:
            raise AssertionError('%s: %s' % (octets.hex(), error))


@tap.test('and it still answers')
def alive():
    tap.equal(str(cases.decode(post(r.request(1)).body)), 'good')


tap.run(r.close)
