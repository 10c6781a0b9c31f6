"""fixture - the programs, a CA and certificates to ask about. Built on the helpers of the tests."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import machine

sys.path.insert(0, os.path.join(machine.TOP, 'tests', 'lib'))


class Fixture:
    """One responder with a table of leaves that have real certificates (RSA-2048, as the CA), and
    the files that it is asked with. Its configuration is the one that is shipped, with the values
    of this place in it. store: 'sqlite' or 'mysql', then by its Unix socket."""

    def __init__(self, build, store, leaves, ca=None, cache=None, options=(), **keys):
        os.environ['builddir'] = build
        import responder
        import pki
        responder.BUILD = build
        self.shm = None
        if store == 'mysql':
            mariadb = responder.mariadb.MariaDB
            responder.mariadb.MariaDB = lambda: mariadb(options=options)
        try:
            ca = ca or pki.make_root('Benchmark CA', key=pki.make_key('rsa2048'))
            self.r = responder.Responder(ca=ca, store=store)
        finally:
            if store == 'mysql':
                responder.mariadb.MariaDB = mariadb
        r = self.r
        r.configure(db={'log': 'INFO'}, recheck='86400', **keys)
        if store == 'mysql':
            r.configure(db={'host': None, 'port': None, 'socket': r.database.server.socket})
        # In memory, so that nobody else's work on a disk is measured; the bigger ones stay on disk.
        if cache == 'memory' and os.path.isdir('/dev/shm'):
            self.shm = tempfile.mkdtemp(prefix='ocsp-bench-', dir='/dev/shm')
            r.own(self.shm)
            r.configure(cache=self.shm)
        self.dir = r.dir
        self.config = self.write_config('bench.ini')
        self._add(leaves)

    def _add(self, leaves):
        import bulk
        import wire
        self.serials = bulk.fill(self.r, bulk.rows(self.r.ca, leaves)) if leaves else []
        self.r.folder('req')
        for i, serial in enumerate(self.serials):
            request = self.r.request(serial)
            self.r.write('req/%d.der' % i, request)
            self.r.write('req/%d.post' % i, wire.post(request))
        self.requests = self.r.path('req')

    def write_config(self, name, **keys):
        """The shipped configuration with this responder's values; keys: of [ocsp], on top."""
        with open(os.path.join(machine.TOP, 'etc', 'ocsp_py', 'config.ini')) as f:
            lines = f.read().splitlines()
        wanted = {'db': dict(self.r.db), 'ocsp': dict(self.r.ocsp, **keys)}
        out, section = [], None
        for line in lines:
            head = re.match(r'\[(.*)\]', line)
            if head:
                section = head.group(1)
            key = re.match(r'#?(\w+)=([^#]*)', line)
            values = wanted.get(section, {})
            if key and key.group(1) in values:
                value = values.pop(key.group(1))
                if value is not None:
                    line = '%s=%s %s' % (key.group(1), value, line[key.end():])
                elif not line.startswith('#'):
                    line = '#' + line
            elif key and not line.startswith('#') and section == 'db' and \
                    key.group(1) in ('host', 'port'):
                line = '#' + line
            out.append(line)
        left = {k: v for values in wanted.values() for k, v in values.items() if v is not None}
        assert not left, 'not in the shipped configuration: %r' % left
        return self.r.write(name, '\n'.join(out) + '\n')

    def program(self, name):
        return self.r.path('bin', name)

    def add_program(self, path, name):
        """Another build of a program, beside the others."""
        shutil.copy2(path, self.program(name))
        return self.program(name)

    def split(self, names, each):
        """Requests for several who may not meet in the cache: {name: path with %d}."""
        paths = {}
        for k, name in enumerate(names):
            self.r.folder('req-' + name)
            for i in range(each):
                self.r.write('req-%s/%d.der' % (name, i),
                             self.r.request(self.serials[k * each + i]))
            paths[name] = self.r.path('req-' + name, '%d.der')
        return paths

    def make_shards(self):
        """The 256 folders of a cache that is in use for a while."""
        for shard in range(256):
            path = os.path.join(self.issuer_folder(), '%02x' % shard)
            if not os.path.isdir(path):
                os.mkdir(path, 0o700)
                self.r.own(path)

    def warm(self, numbers):
        """Asks about these, so that they are cached; the answers have to be good."""
        import ocsp
        for i in numbers:
            with open(os.path.join(self.requests, '%d.der' % i), 'rb') as f:
                done = subprocess.run([self.program('ocsp-stdio'), '-c', self.config], stdin=f,
                                      capture_output=True)
            response = ocsp.Response(done.stdout)
            assert str(response) == 'good', (i, str(response), self.r.log()[-500:])

    def answer(self, i):
        """The cached answer about one, as a file."""
        done = subprocess.run([self.program('ocsp-stdio'), '-c', self.config],
                              stdin=open(os.path.join(self.requests, '%d.der' % i), 'rb'),
                              capture_output=True)
        return self.r.write('answer-%d.der' % i, done.stdout, 0o644)

    def issuer_folder(self):
        cache = self.r.ocsp['cache']
        cache = cache if cache.startswith('/') else self.r.path(cache)
        found = [n for n in os.listdir(cache) if n.startswith('sha1-')]
        assert len(found) == 1, found
        return os.path.join(cache, found[0])

    def close(self):
        self.r.close()
        if self.shm:
            shutil.rmtree(self.shm, ignore_errors=True)
