"""galera - a private cluster of MariaDB servers, on loopback."""
import contextlib
import glob
import itertools
import os
import re
import signal
import socket
import subprocess
import time

import mariadb

PROVIDER = next(iter(glob.glob('/usr/lib/*/galera*/libgalera_smm.so') +
                     glob.glob('/usr/lib*/galera*/libgalera_smm.so')), None)


def free_block(count):
    """So many ports in a row, of those that no connection is given by itself."""
    start = 20000 + os.getpid() % 9000
    for first in itertools.chain(range(start, 32000 - count, count), range(20000, start, count)):
        try:
            with contextlib.ExitStack() as stack:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(('127.0.0.1', port))
            return first
        except OSError:
            pass
    raise RuntimeError('no ports are free')


def available():
    return mariadb.available() and PROVIDER and all(map(mariadb.program, (
        'rsync', 'wsrep_sst_rsync')))


class Cluster:
    """nodes: MariaDB servers, all of them in step when it is made."""

    def __init__(self, count):
        self.nodes, self.count = [], count
        self.base = free_block(4 * count)
        try:
            self._start()
        except BaseException:
            self.remove()
            raise

    def _options(self, i):
        group, missed, whole = (self.base + 4 * i + k for k in range(3))
        address = 'gcomm://' + ','.join('127.0.0.1:%d' % (self.base + 4 * k)
                                        for k in range(self.count))
        provider = {
            'base_host': '127.0.0.1', 'base_port': group,
            'gmcast.listen_addr': 'tcp://127.0.0.1:%d' % group,
            'ist.recv_addr': '127.0.0.1:%d' % missed,
            'gcache.size': '8M', 'gcache.page_size': '8M',
        }
        return ['--binlog-format=ROW', '--innodb-autoinc-lock-mode=2', '--wsrep-on=ON',
                '--wsrep-provider=' + PROVIDER, '--wsrep-cluster-name=test',
                '--wsrep-cluster-address=' + address, '--wsrep-node-name=node%d' % i,
                '--wsrep-node-address=127.0.0.1:%d' % group, '--wsrep-sst-method=rsync',
                '--wsrep-sst-receive-address=127.0.0.1:%d' % whole,
                '--wsrep-provider-options=' + ';'.join('%s=%s' % o for o in provider.items())]

    def _start(self):
        for i in range(self.count):
            node = mariadb.MariaDB(options=self._options(i))
            self.nodes.append(node)
            if i == 0:
                node.options.append('--wsrep-new-cluster')
            node.start(die_with_us=True)
            self.wait(node)
        self.nodes[0].options.pop()

    def state(self, node, what='wsrep_local_state_comment'):
        rows = node.sql("SHOW STATUS LIKE '%s'" % what)
        return rows[0][1] if rows else None

    def wait(self, node, state='Synced', seconds=60):
        end = time.monotonic() + seconds
        while self.state(node) != state:
            assert time.monotonic() < end, 'a node is %s, not %s\n%s' % (
                self.state(node), state, node.log())
            time.sleep(0.05)

    def restart(self, node):
        """After a kill -9: from where its data have come to."""
        done = subprocess.run(
            [mariadb.program('mariadbd', 'mysqld'), '--no-defaults', '--datadir=%s/data' % node.dir,
             '--tmpdir=' + node.dir, '--innodb-log-file-size=8M', '--wsrep-recover', *node.options],
            cwd='/', capture_output=True, **node._account())
        found = re.search(rb'Recovered position: (\S+)', done.stderr)
        assert found, done.stderr.decode(errors='replace')[-2000:]
        before = list(node.options)
        node.options.append('--wsrep-start-position=' + found.group(1).decode())
        try:
            node.start()
        finally:
            node.options = before
        self.wait(node)

    def kill(self, node):
        node.stop(signal.SIGKILL)

    def remove(self):
        # what is left of a cluster waits for the others: none is worth waiting for
        for node in self.nodes:
            node.stop(signal.SIGKILL)
            node.remove()
