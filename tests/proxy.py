#!/usr/bin/python3
"""The shipped examples for nginx and HAProxy, in front of a listener that keeps connections."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import ocsp
import proxies
import tap
import wire
from responder import LONG, Responder, read_all, wait_for

r = Responder(keepalive='1000', maxpersource='0', timeout='5')
leaf = r.add(r.ca.issue('leaf'))
other = r.add(r.ca.issue('other'))
listener, upstream = r.listen()


START = {'nginx': proxies.start_nginx, 'haproxy': proxies.start_haproxy}
EXAMPLE = {'nginx': 'nginx.conf', 'haproxy': 'haproxy.cfg'}
FEW = {'nginx': {'rate=100r/s': 'rate=5r/s', 'burst=500': 'burst=10'},
       'haproxy': {'gt 1500': 'gt 10', 'http_req_rate(10s)': 'http_req_rate(1s)'}}
ports = {}


def start(name, to, **replace):
    return START[name](r, EXAMPLE[name], {proxies.RESPONDER: '127.0.0.1:%d' % to, **replace})


def port_of(name):
    if name not in ports:
        ports[name] = start(name, upstream)
    return ports[name]


def ask(name, octets, port=None):
    with wire.connect(port or port_of(name)) as sock:
        sock.sendall(octets)
        return wire.only(read_all(sock))


def is_good(reply, certificate):
    tap.equal(reply.status, 200)
    response = ocsp.Response(reply.body)
    faults = response.faults(r.ca.certificate, [r.certid(certificate)])
    assert str(response) == 'good' and not faults, (str(response), faults)


def post(certificate):
    return wire.post(r.request(certificate), 'Connection: close')


def get(certificate, prefix='/', safe=''):
    return wire.get(wire.target(r.request(certificate), prefix, safe), 'Connection: close')


def children():
    with open('/proc/%d/task/%d/children' % (listener.pid, listener.pid)) as f:
        return f.read().split()


def posts(name):
    is_good(ask(name, post(leaf)), leaf)


def slashes(name):
    is_good(ask(name, get(leaf, '//')), leaf)
    is_good(ask(name, get(leaf, '//', safe='/+=')), leaf)
    # a request whose base64 has a "//" of its own
    for i in range(2000):
        serial = int.from_bytes(b'\x3f\xff\xff\xff' + i.to_bytes(4, 'big'), 'big')
        request = r.request(serial)
        if '//' in wire.target(request, '', safe='/'):
            break
    reply = ask(name, wire.get(wire.target(request, safe='/+='), 'Connection: close'))
    tap.equal((reply.status, ocsp.Response(reply.body).status), (200, 'unauthorized'))


def caches(name):
    """What is asked for again does not reach us; a nonce does, and an error is not kept."""
    def asked():
        return r.log().count('serial=%#x' % other.serial)

    before = asked()
    first = ask(name, get(other))
    is_good(first, other)
    # ocsp-sign writes its line after the answer
    wait_for(lambda: asked() > before, 'a line in the log')
    before = asked()
    for _ in range(5):
        reply = ask(name, get(other))
        is_good(reply, other)
        tap.equal(reply.headers.get('etag'), first.headers['etag'])
    tap.equal(asked(), before, 'answers that we were asked for')
    if name == 'nginx':
        tap.equal(reply.headers['x-cache-status'], 'HIT')
    for _ in range(2):
        tap.equal(ocsp.Response(ask(name, get(r.ca.issue('unknown'))).body).status, 'unauthorized')
        if name == 'nginx':
            reply = ask(name, get(leaf.serial + 1))
            assert reply.headers['x-cache-status'] != 'HIT'


def keeps(name):
    is_good(ask(name, post(leaf)), leaf)
    before, seen = set(children()), set()
    assert before, 'no connection was kept'
    for _ in range(20):
        is_good(ask(name, post(leaf)), leaf)
        seen.update(children())
    # a proxy may have one for each of its threads
    assert len(seen - before) < 5, '%d instances were started for 20 requests' % len(seen - before)


def limits(name):
    """Who asks too often gets 429, and no error of OCSP's; a little later all is well."""
    port = start(name, upstream, **FEW[name])
    replies = [ask(name, get(leaf), port).status for _ in range(30)]
    tap.equal(set(replies), {200, 429})
    assert replies.index(429) >= 10, replies
    time.sleep(3)
    is_good(ask(name, get(leaf), port), leaf)


MAX_AGE_S = 3


def revocation(name):
    if not LONG:
        tap.skip('only with OCSP_TEST_ALL: it waits for max-age to be over')
    certificate = r.add(r.ca.issue('to be revoked'))
    with r.configured(maxage=str(MAX_AGE_S), recheck='0', keep_cache=True):
        child, behind = r.listen()
        port = start(name, behind)
        is_good(ask(name, get(certificate), port), certificate)     # from now on it is cached
        r.revoke(certificate)
        start_s, seen = time.monotonic(), []
        while 'revoked(1)' not in seen:
            assert time.monotonic() - start_s < MAX_AGE_S + 2, seen
            seen.append(str(ocsp.Response(ask(name, get(certificate), port).body)))
            time.sleep(0.05)
        tap.note('%s: seen %.2f s after the row was changed, with maxage=%d and recheck=0'
                 % (name, time.monotonic() - start_s, MAX_AGE_S))
        assert seen[0] == 'good', 'it was not cached'
        child.terminate()
        child.wait()


for proxy in ('nginx', 'haproxy'):
    tap.add('%s: POST' % proxy, posts, proxy)
    tap.add('%s: GET with slashes in front and in its middle' % proxy, slashes, proxy)
    tap.add('%s: our headers decide what it keeps' % proxy, caches, proxy)
    tap.add('%s: its connections to us are used again' % proxy, keeps, proxy)
    tap.add('%s: a client that asks too often' % proxy, limits, proxy)
    tap.add('%s: a revocation is seen when max-age is over' % proxy, revocation, proxy)

tap.run(r.close)
