"""host - a machine of its own: this one's system on a throw-away overlay, with a systemd, network
and process table of its own (sysd-up.sh), and in it what "make install" installs.

    with Host() as host:
        status, text = host.run('systemctl is-system-running')

What the guides take for granted is there, whatever prefix was configured: the configuration in
/etc/ocsp_py, the cache in /var/cache/ocsp_py, the log in /var/log. Further

  mariadb.service       a MariaDB server, stopped at first, on 127.0.0.1:3306 and the usual socket,
                        whose root may do all without a password
  /root/pki             a CA: root.crt, root.key, it_cert.crt, it_cert.key; certificates that it has
                        issued: leaf.pem, second.pem, third.pem (with their keys: leaf.key …)
  /root/load.py         what asks often, and counts what was lost
  /etc/hosts            any name below .example that is named here is this machine

All that is told to a Host happens in its namespaces and is gone with it. Needs root.
"""
import os
import re
import shutil
import subprocess
import tempfile

import mariadb
import pki

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get('builddir', '.'))
SYSD_UP = os.path.join(HERE, 'sysd-up.sh')
NAMES = ('ocsp', 'ca', 'db', 'db1', 'db2', 'db3', 'www')
HIDDEN = ('/home/', '/root/', '/run/', '/tmp/', '/var/tmp/', '/dev/')    # from the units
LEAVES = ('leaf', 'second', 'third')

MARIADB_UNIT = '''[Unit]
Description=MariaDB
[Service]
Type=notify
User={user}
RuntimeDirectory=mysqld
ExecStart={server} --no-defaults --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock \\
 --bind-address=127.0.0.1 --port=3306 --innodb-buffer-pool-size=32M --innodb-log-file-size=8M
'''


class Unavailable(Exception):
    """No such machine can be had here; the text says why."""


def installed():
    """{variable: directory} of this build's Makefile."""
    with open(os.path.join(BUILD, 'Makefile')) as f:
        text = f.read()
    found = dict(re.findall(r'^(prefix|exec_prefix|bindir|sysconfdir|localstatedir|unitdir|docdir|'
                            r'datarootdir|PACKAGE_TARNAME) = (.*)$', text, re.M))
    for _ in range(3):
        found = {k: re.sub(r'\$\{(\w+)\}', lambda m: found[m.group(1)], v) for k, v in found.items()}
    return found


def _environment():
    """Without what "make check" tells the makes that it starts."""
    return {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}


class Files:
    """What a Host has beyond this machine's files, laid out once for any number of Hosts."""

    def __init__(self):
        if os.getuid() != 0:
            raise Unavailable('not root')
        self.paths = installed()
        if (self.paths['bindir'] + '/').startswith(HIDDEN):
            raise Unavailable('configured for %(prefix)s, which the units hide' % self.paths)
        self.dir = tempfile.mkdtemp(prefix='ocsp-host-', dir='/tmp')
        try:
            self._lay_out()
        except BaseException:
            self.remove()
            raise

    def remove(self):
        shutil.rmtree(self.dir)

    def path(self, name):
        path = os.path.join(self.dir, name.lstrip('/'))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text, mode=0o644):
        with open(self.path(name), 'w') as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def _lay_out(self):
        os.chmod(self.dir, 0o755)
        subprocess.run(['make', '-s', '-C', BUILD, 'install', 'DESTDIR=' + self.dir], check=True,
                       capture_output=True, env=_environment())
        units = self.paths['unitdir']
        if units not in ('/usr/lib/systemd/system', '/usr/local/lib/systemd/system',
                         '/lib/systemd/system'):
            shutil.copytree(self.dir + units, self.path('/etc/systemd/system'), dirs_exist_ok=True)
        for there, here in self.elsewhere():
            if os.path.isdir(self.dir + there):
                shutil.copytree(self.dir + there, self.dir + here, dirs_exist_ok=True)
                shutil.rmtree(self.dir + there)
        shutil.copy(self.dir + self.paths['prefix'] + '/lib/sysusers.d/ocsp_py.conf',
                    self.path('/usr/lib/sysusers.d/ocsp-test.conf'))
        self.write('/etc/hosts', '127.0.0.1 localhost ocsp-test %s\n'
                   % ' '.join(n + '.example' for n in NAMES))
        shutil.copy(os.path.join(HERE, 'load.py'), self.path('/root/load.py'))
        self._lay_out_pki()
        if mariadb.available():
            self._lay_out_mariadb()

    def elsewhere(self):
        """(where this build has it, where the guides have it)"""
        pairs = ((self.paths['sysconfdir'], '/etc'), (self.paths['localstatedir'], '/var'),
                 (self.paths['docdir'], '/usr/share/doc/ocsp-stdio'))
        return [(there, here) for there, here in pairs if there != here]

    def _lay_out_pki(self):
        root = pki.make_root('Root', 'rsa')
        ca = root.issue_ca('Intermediate', kind='rsa')
        made = [('root.crt', 'root.key', root), ('it_cert.crt', 'it_cert.key', ca)]
        made += [(n + '.pem', n + '.key', ca.issue(n, kind='p256')) for n in LEAVES]
        for certificate, key, entity in made:
            self.write('/root/pki/' + certificate, entity.pem().decode())
            self.write('/root/pki/' + key, entity.key_pem().decode(), 0o600)

    def _lay_out_mariadb(self):
        user = mariadb.server_user()
        data = self.path('/var/lib/mysql')
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(data)
        os.chown(data, user.pw_uid, user.pw_gid)
        done = subprocess.run(
            [mariadb.program('mariadb-install-db'), '--no-defaults', '--datadir=' + data,
             '--skip-test-db', '--innodb-log-file-size=8M'], cwd='/', stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, user=user.pw_uid,
            group=user.pw_gid, extra_groups=[], env=dict(os.environ, TMPDIR=data))
        assert done.returncode == 0, done.stdout[-2000:]
        self.write('/etc/systemd/system/mariadb.service', MARIADB_UNIT.format(
            user=user.pw_name, server=mariadb.program('mariadbd', 'mysqld')))


class Host:
    """files: a Files; made for this one alone when left out."""

    def __init__(self, files=None):
        self.files, self.mine = files or Files(), not files
        self.dir = tempfile.mkdtemp(prefix='ocsp-up-', dir='/tmp')
        self.up = os.path.join(self.dir, 'up')
        self.booted = False
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _boot(self):
        done = subprocess.run([SYSD_UP, 'start', self.up, self.files.dir], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(done.stdout.strip() or done.stderr.strip())
        self.booted = True
        for there, here in self.files.elsewhere():
            self.must_run('mkdir -p {0} {1} && rm -rf {0} && ln -s {1} {0}'.format(there, here))
        # once more, now that the folders lie where they are looked for; and what a package does
        self.must_run('systemd-tmpfiles --create || true; ocspctl setup || true')

    def close(self):
        if self.booted:
            subprocess.run([SYSD_UP, 'stop', self.up], capture_output=True)
            self.booted = False
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.mine:
            self.files.remove()

    def run(self, script, timeout=120):
        """Runs a script by bash, as root; returns its exit status and all that it has printed."""
        path = '%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' % (
            self.files.paths['bindir'])
        # "timeout" inside: what is started by nsenter is not the child of who waits here
        done = subprocess.run([SYSD_UP, 'exec', self.up, 'timeout', '-k', '5', str(timeout), 'bash',
                               '-c', script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout + 20,
                              env={'PATH': path, 'HOME': '/root', 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC'})
        return done.returncode, done.stdout.decode(errors='replace')

    def must_run(self, script, timeout=120):
        status, text = self.run(script, timeout)
        assert status == 0, '%s\nexit %d: %s' % (script, status, text[-3000:])
        return text
