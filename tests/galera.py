#!/usr/bin/python3
"""A MariaDB Galera cluster of three nodes under the responder: nodes that are killed, cut off and
join again while clients ask. Every request is a question to the database: recheck=0."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import faults
import galera
import tap
from responder import CREATE_DATABASE, LONG, Responder, wait_for

LEAVES = 6
TIMEOUT_S = 5
# When a node is away, the others notice it by themselves after five seconds (evs.suspect_timeout).
NOTICED_S = 10
# Nobody asks a database for so long after it has failed, if there is an answer in the cache.
BACKOFF_S = 5


class Store:
    """A database for Responder. What a test writes goes to the node that it names."""

    def __init__(self):
        self.cluster = galera.Cluster(3)
        self.nodes = self.cluster.nodes
        self.writer = self.nodes[1]
        try:
            self.nodes[0].sql(CREATE_DATABASE)
            self.nodes[0].user('cert', 'pycert', 'certs')
        except BaseException:
            self.remove()
            raise

    def config(self):
        return {'type': 'mysql', 'host': ','.join('127.0.0.1:%d' % n.port for n in self.nodes),
                'db': 'certs', 'username': 'cert', 'password': 'pycert'}

    def sql(self, statement):
        return self.writer.sql(statement, 'certs')

    def remove(self):
        self.cluster.remove()


def setting(node, text):
    node.sql('SET GLOBAL ' + text)


def status(node):
    return db.cluster.state(node, 'wsrep_cluster_status')


def without_one():
    return db.cluster.state(db.nodes[1], 'wsrep_cluster_size') == '2'


def says(leaf, what):
    return lambda: str(r.ask(r.request(leaf))) == what


class Load:
    """Clients that ask about all leaves, and one that each time asks about a certificate that nobody
    has asked about, so that nothing but the database can help it."""

    def __init__(self):
        self.child, self.port = r.listen()
        self.traffic = faults.Traffic(r, self.port, {leaf: ('good',) for leaf in leaves},
                                      patience_s=TIMEOUT_S + 1)

    def __enter__(self):
        self.traffic.__enter__()
        self.misses = faults.Traffic(r, self.port, {fresh: ('good',) for fresh in unasked(200)},
                                     rate=8, patience_s=TIMEOUT_S + 1)
        self.misses.__enter__()
        return self

    def __exit__(self, *unused):
        self.traffic.__exit__()
        self.misses.__exit__()
        self.child.terminate()
        self.child.wait()

    def report(self, what, since, put_off=0):
        """since: when it happened. Returns after how many seconds the last request was put off."""
        last = 0
        for kind, traffic in (('asked again', self.traffic), ('asked once', self.misses)):
            faults.row('galera: %s: %s' % (what, kind), 1, traffic.tally, traffic.tally.worst_s)
            last = max(last, (traffic.tally.last_bad or since) - since)
        tap.note('%s: the last is put off after %.2f s' % (what, last))
        for traffic in (self.traffic, self.misses):
            traffic.tally.check(put_off=put_off)
        return last


pool = []


def unasked(n):
    """Certificates without a cached answer."""
    return [pool.pop() for _ in range(n)]


@tap.test('the first node is killed under load: no answer is lost or put off; it joins again likewise')
def killed():
    with Load() as load:
        time.sleep(2)
        since = time.monotonic()
        db.cluster.kill(db.nodes[0])
        wait_for(without_one, 'the others', 30)
        tap.note('the others notice it after %.1f s' % (time.monotonic() - since))
        load.traffic.allowed[leaves[0]] = ('good', 'revoked(1)')
        r.revoke(leaves[0])
        start = time.monotonic()
        wait_for(says(leaves[0], 'revoked(1)'), 'a revocation', NOTICED_S)
        tap.note('a revocation in what is left is seen after %.2f s' % (time.monotonic() - start))
        load.traffic.allowed[leaves[0]] = ('revoked(1)',)
        tap.note('it is started again %.1f s after it was killed' % (time.monotonic() - since))
        db.cluster.restart(db.nodes[0])
        time.sleep(2)
    r.unrevoke(leaves[0])
    load.report('first of three nodes killed, and back', since)
    tap.equal([status(node) for node in db.nodes], ['Primary'] * 3)


@tap.test('the first node is cut off from the others: it is passed over, and never believed')
def cut_off():
    leaf = leaves[1]
    with Load() as load:
        time.sleep(1)
        setting(db.nodes[0], "wsrep_provider_options='gmcast.isolate=1'")
        start = time.monotonic()
        # the cluster takes it when it has noticed
        load.traffic.allowed[leaf] = ('good', 'revoked(1)')
        r.revoke(leaf)
        written = time.monotonic() - start
        wait_for(says(leaf, 'revoked(1)'), 'a revocation', NOTICED_S)
        tap.note('written %.1f s after the cut, seen %.2f s later'
                 % (written, time.monotonic() - start - written))
        wait_for(lambda: status(db.nodes[0]) != 'Primary', 'the node itself', NOTICED_S)
        load.traffic.allowed[leaf] = ('revoked(1)',)
        time.sleep(2)
        setting(db.nodes[0], "wsrep_provider_options='gmcast.isolate=0'")
        db.cluster.wait(db.nodes[0])
        time.sleep(1)
    r.unrevoke(leaf)
    load.report('first of three nodes cut off, and back', start)


@tap.test('with wsrep_sync_wait, a killed node delays the others until they have noticed; none is lost')
def synced():
    for node in db.nodes:
        setting(node, 'wsrep_sync_wait=1')
    try:
        with Load() as load:
            time.sleep(1)
            since = time.monotonic()
            db.cluster.kill(db.nodes[0])
            wait_for(without_one, 'the others', 30)
            noticed = time.monotonic() - since
            time.sleep(BACKOFF_S + 2)
        last = load.report('first of three nodes killed, wsrep_sync_wait=1', since, put_off=None)
        assert last < noticed + BACKOFF_S + 1, (noticed, last)
    finally:
        db.cluster.restart(db.nodes[0])
        for node in db.nodes:
            setting(node, 'wsrep_sync_wait=0')


@tap.test('two of three are killed: the last one is not believed; what is cached and valid is sent')
def no_majority():
    cached, new, gone = leaves[2], unasked(1)[0], r.ca.issue('never added')
    tap.equal(str(r.ask(r.request(cached))), 'good')
    for node in db.nodes[:2]:
        db.cluster.kill(node)
    last = db.writer = db.nodes[2]
    wait_for(lambda: status(last) != 'Primary', 'the last node', 30)
    tap.equal(str(r.ask(r.request(cached))), 'good')
    for leaf in (new, gone):
        tap.equal(str(r.ask(r.request(leaf))), 'tryLater')
    # what an operator does who knows that the others are dead
    setting(last, "wsrep_provider_options='pc.bootstrap=1'")
    db.cluster.wait(last)
    start = time.monotonic()
    wait_for(says(new, 'good'), 'a miss', 15)
    tap.note('misses are answered %.1f s after it was told to go on' % (time.monotonic() - start))
    tap.equal(str(r.ask(r.request(gone))), 'unauthorized')


if not LONG:
    print('1..0 # SKIP only with OCSP_TEST_ALL: a cluster takes half a minute to start')
    sys.exit(0)
if not galera.available():
    print('1..0 # SKIP galera-4, mariadb-server or rsync is not installed')
    sys.exit(0)

r = Responder(store=Store(), recheck='0', timeout=str(TIMEOUT_S), maxpersource='0')
db = r.database
leaf_key = r.ca.issue('key').key
leaves = [r.add(r.ca.issue('leaf', key=leaf_key)) for _ in range(LEAVES)]
pool += [r.add(r.ca.issue('leaf', key=leaf_key)) for _ in range(1 + 200 * 3)]
tap.run(r.close)
