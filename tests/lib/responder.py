"""responder - the programs under test, set up in a folder of their own, and ways to ask them.

    with Responder() as r:
        leaf = r.add(r.ca.issue('leaf'))
        print(r.ask(request(certid(r.ca.certificate, leaf.serial))))

Everything lies below one folder in /tmp that any user can reach, copies of the programs too, so
that a checkout in somebody's private folder works. As root, the programs run as user nobody.
"""
import contextlib
import os
import pwd
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

import mariadb
import ocsp
import pki
import tap

PROGRAMS = ('ocsp-stdio', 'ocsp-sign', 'ocspctl')
BUILD = os.path.abspath(os.environ.get('builddir', '.'))
DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')
HAVE_SQLITE = os.environ.get('HAVE_SQLITE', 'yes') == 'yes'
LONG = os.environ.get('OCSP_TEST_ALL') == 'yes'

# How long a program may take that has nothing to wait for. Slow machines and sanitizers need it.
PATIENCE_S = 60

CREATE_DATABASE = 'CREATE DATABASE certs CHARACTER SET utf8mb4'


def account():
    """The account that the programs run as."""
    return pwd.getpwnam('nobody') if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def literal(value):
    """A value as SQL that SQLite and MariaDB both understand."""
    if value is None:
        return 'NULL'
    if isinstance(value, bytes):
        return "X'%s'" % value.hex() if value else "''"
    return "'%s'" % str(value).replace("'", "''")


class SQLite:
    def __init__(self, folder):
        self.file = os.path.join(folder, 'db', 'certs.db')

    def config(self):
        return {'type': 'sqlite', 'file': self.file}

    def sql(self, statement):
        connection = sqlite3.connect(self.file, timeout=20)
        connection.execute('PRAGMA ignore_check_constraints = ON')
        with connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def stop(self):
        """What a database that is down looks like here."""
        os.rename(self.file, self.file + '.away')

    def start(self):
        os.rename(self.file + '.away', self.file)

    def remove(self):
        pass


class MySQL:
    def __init__(self):
        self.server = mariadb.MariaDB()
        try:
            self.server.start()
            self.server.sql(CREATE_DATABASE)
            self.server.user('cert', 'pycert', 'certs')
        except BaseException:
            self.server.remove()
            raise

    def config(self):
        return {'type': 'mysql', 'host': '127.0.0.1', 'port': self.server.port, 'db': 'certs',
                'username': 'cert', 'password': 'pycert'}

    def sql(self, statement):
        return self.server.sql(statement, 'certs')

    def stop(self):
        self.server.stop()

    def start(self):
        self.server.start()

    def remove(self):
        self.server.remove()


def stores():
    """The kinds of store that can be tested here."""
    return (['sqlite'] if HAVE_SQLITE else []) + (['mysql'] if mariadb.available() else [])


class Responder:
    """ca: an Entity, made when left out. store: 'sqlite' or 'mysql', or None for whichever there
    is; or a database as those are, which is closed with this. What else is given are keys of [ocsp]."""

    def __init__(self, ca=None, store=None, **config):
        self.account = account()
        self.dir = tempfile.mkdtemp(prefix='ocsp-test-', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.children, self.database, self.cas = [], None, {}
        try:
            self._prepare(ca or pki.make_root('Test CA'), store or stores()[0], config)
        except BaseException:
            self.close()
            raise

    def _prepare(self, ca, store, config):
        self.bin = self.folder('bin', mine=False)
        for program in PROGRAMS:
            shutil.copy2(os.path.join(BUILD, program), self.bin)
        for folder in ('db', 'cache', 'log', 'work'):
            self.folder(folder)
        if isinstance(store, str):
            store = SQLite(self.dir) if store == 'sqlite' else MySQL()
        self.database = store
        self.log_file = self.path('log', 'ocsp.log')
        self.db = dict(self.database.config(), log='DEBUG', logfile=self.log_file)
        self.ocsp = {'producetime': '1d', 'cert': 'ca.pem', 'pkey': 'ca.key', 'cache': 'cache',
                     'user': self.account.pw_name, 'signer': self.path('bin', 'ocsp-sign')}
        self.set_ca(ca)
        self.configure(**config)
        self.check_ctl('init-db')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        for child in self.children:
            if child.poll() is None:
                # nginx's workers would outlive one that is killed
                child.send_signal(signal.SIGTERM if 'nginx' in child.args[0] else signal.SIGKILL)
                child.wait(PATIENCE_S)
        if self.database:
            self.database.remove()
        said = self.listeners_said()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert 'Sanitizer' not in said and 'runtime error' not in said, said[-5000:]

    # --- files

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def own(self, path):
        """Gives a file to the account that the programs run as."""
        if os.getuid() == 0:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        return path

    def folder(self, *parts, mine=True):
        path = self.path(*parts)
        os.makedirs(path, exist_ok=True)
        return self.own(path) if mine else path

    def write(self, name, octets, mode=0o600):
        if isinstance(octets, str):
            octets = octets.encode()
        return self.own(pki.write(self.dir, name, octets, mode))

    def script(self, name, text):
        """A program that stands in for another."""
        return self.write(name, '#!/bin/sh\n' + text, 0o755)

    def set_ca(self, ca):
        self.ca = ca
        self.write('ca.pem', ca.pem())
        self.write('ca.key', ca.key_pem())

    def add_ca(self, name, ca, **keys):
        """A section [ca NAME] for a CA that signs its own answers."""
        self.write(name + '.pem', ca.pem())
        self.write(name + '.key', ca.key_pem())
        self.cas[name] = dict({'cert': name + '.pem', 'pkey': name + '.key'}, **keys)
        self.configure()

    def configure(self, db=None, **keys):
        """Changes keys of [ocsp], and with db= of [db]; a value of None takes a key out."""
        self.ocsp.update(keys)
        self.db.update(db or {})
        lines = []
        sections = [('db', self.db), ('ocsp', self.ocsp)]
        sections += [('ca ' + name, values) for name, values in self.cas.items()]
        for section, values in sections:
            lines.append('[%s]' % section)
            lines += ['%s=%s' % (k, v) for k, v in values.items() if v is not None]
        self.config = self.write('config.ini', '\n'.join(lines) + '\n')

    @contextlib.contextmanager
    def configured(self, db=None, keep_cache=False, **keys):
        """With these keys for a while. The cache is emptied before and after, or kept."""
        before = {k: self.ocsp.get(k) for k in keys}
        before_db = {k: self.db.get(k) for k in db or {}}
        if not keep_cache:
            self.clear_cache()
        self.configure(db, **keys)
        try:
            yield self
        finally:
            self.configure(before_db, **before)
            if not keep_cache:
                self.clear_cache()

    def log(self):
        try:
            with open(self.log_file, errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def listeners_said(self):
        """What listeners, and their children, have written to standard error."""
        try:
            with open(self.path('listener.err'), errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def clear_log(self):
        open(self.log_file, 'w').close()
        self.own(self.log_file)

    def clear_cache(self):
        shutil.rmtree(self.path('cache'))
        self.folder('cache')

    def cache_files(self):
        return [os.path.join(base, name) for base, _, names in os.walk(self.path('cache'))
                for name in names if name.endswith('.der')]

    # --- the table

    def sql(self, statement):
        return self.database.sql(statement)

    def insert(self, number, status='Valid', when=None, reason=None, certificate=b'',
               table='list_certs'):
        """A row as anybody's SQL could write it."""
        values = (number, when, reason, certificate, status)
        self.sql('INSERT INTO %s (cert_num, revocation_time, revocation_reason, cert,'
                 ' status) VALUES (%s)' % (table, ', '.join(map(literal, values))))

    def add(self, leaf, **row):
        """A row for a certificate, written as the predecessor did. Returns the certificate."""
        self.insert(hex(leaf.serial), certificate=leaf.pem(), **row)
        return leaf

    def revoke(self, leaf, when='2026-01-02 03:04:05', reason='key_compromise'):
        self.sql("UPDATE list_certs SET status = 'Revoked', revocation_time = %s,"
                 " revocation_reason = %s WHERE cert_num = %s"
                 % (literal(when), literal(reason), literal(hex(leaf.serial))))

    def unrevoke(self, leaf):
        self.sql("UPDATE list_certs SET status = 'Valid', revocation_time = NULL,"
                 " revocation_reason = NULL WHERE cert_num = %s" % literal(hex(leaf.serial)))

    # --- running programs

    def command(self, program, *args):
        return [self.path('bin', program), '-c', self.config, *args]

    def environment(self, **more):
        # a program that has locked itself in cannot be searched for leaks
        return dict({'PATH': os.environ['PATH'], 'LC_ALL': 'C', 'ASAN_OPTIONS': 'detect_leaks=0'},
                    **more)

    def start(self, program, *args, env=None, **options):
        """A program in the background; close() ends it."""
        return self.start_command(self.command(program, *args), env=env, **options)

    def start_command(self, command, env=None, **options):
        child = subprocess.Popen(command, cwd=self.dir, env=self.environment(**(env or {})),
                                 **options)
        self.children.append(child)
        return child

    def run(self, program, *args, octets=b'', env=None, timeout=PATIENCE_S, **options):
        """A program from start to end; .stdout, .stderr and .returncode of what it did."""
        return subprocess.run(self.command(program, *args), input=octets, capture_output=True,
                              cwd=self.dir, env=self.environment(**(env or {})), timeout=timeout,
                              **options)

    def ctl(self, *args):
        done = self.run('ocspctl', *args)
        if os.getuid() == 0:
            for name in os.listdir(self.path('db')):
                self.own(self.path('db', name))
        return done

    def check_ctl(self, *args):
        done = self.ctl(*args)
        assert done.returncode == 0, 'ocspctl %s: %d\n%s' % (
            ' '.join(args), done.returncode, (done.stdout + done.stderr).decode())
        return done.stdout.decode()

    def certid(self, leaf, algorithm='sha1', **options):
        serial = leaf if isinstance(leaf, (int, bytes)) else leaf.serial
        return ocsp.certid(self.ca.certificate, serial, algorithm, **options)

    def request(self, leaf, *extensions, **options):
        return ocsp.request(self.certid(leaf, **options), *extensions)

    def ask(self, request, program='ocsp-stdio', **options):
        """Bare DER in, the answer out; it has to be well-formed, and the exit code 0."""
        done = self.run(program, octets=request, **options)
        assert done.returncode == 0 and done.stderr == b'', 'exit %d, %r\n%s' % (
            done.returncode, done.stderr, self.log()[-2000:])
        return ocsp.Response(done.stdout)

    def ask_about(self, leaf, **options):
        """One certificate's answer, which must have no fault. str() of it is its status."""
        ids = [self.certid(leaf)]
        response = self.ask(ocsp.request(ids), **options)
        if response.code == 0:
            faults = response.faults(self.ca.certificate, ids)
            assert not faults, faults
        return response

    def signatures(self):
        """How many answers have been signed, by the log."""
        return sum('source=signed' in line for line in self.log().splitlines())

    def converse(self, *args, env=None, **options):
        """Starts ocsp-stdio on one end of a socket, as an inetd does; returns (child, other end)."""
        ours, theirs = socket.socketpair()
        child = self.start('ocsp-stdio', *args, env=env, stdin=theirs, stdout=theirs,
                           **dict({'stderr': subprocess.DEVNULL}, **options))
        theirs.close()
        ours.settimeout(PATIENCE_S)
        return child, ours

    def listen(self, *args, port=None, **options):
        """Starts ocsp-stdio --listen on loopback; returns (child, port) once it accepts and has its
        keeper, the first of its children."""
        port = port or mariadb.free_port()
        with open(self.path('listener.err'), 'ab') as err:
            child = self.start('ocsp-stdio', '--listen', '-l', '127.0.0.1:%d' % port, *args,
                               stderr=err, **options)
        wait_for(lambda: child.poll() is not None or accepts(port), 'a listener')
        assert child.poll() is None, 'the listener ended: %r\n%s' % (child.returncode, self.log())
        if has_keeper():
            wait_for(lambda: children_of(child.pid), 'its keeper')
        return child, port


def needs_sqlite():
    """For a test that knows its database: the account that tests use in MariaDB may do anything,
    which "ocspctl check" warns of."""
    if not HAVE_SQLITE:
        tap.skip('built without SQLite')


def children_of(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(child) for child in f.read().split()]


def has_keeper():
    """Has a listener one here? It needs a descriptor that tells when a process has ended."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        return True
    except OSError:
        return False


def accepts(port):
    """Does somebody listen there? Asked of the kernel: a connection would start an instance."""
    wanted = ':%04X' % port
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in table]
    return any(row[1].endswith(wanted) and row[3] == '0A' for row in rows)


def wait_for(condition, what, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'waited in vain for ' + what
        time.sleep(0.02)


def read_all(sock, seconds=PATIENCE_S):
    """All octets until the other side closes. A reset raises."""
    end, out = time.monotonic() + seconds, b''
    while True:
        left = end - time.monotonic()
        assert left > 0 and select.select([sock], [], [], left)[0], 'no end after %r' % out[:100]
        chunk = sock.recv(65536)
        if not chunk:
            return out
        out += chunk


def terminate(child, seconds=PATIENCE_S):
    """Ends a program politely; returns its exit code."""
    child.send_signal(signal.SIGTERM)
    return child.wait(seconds)
