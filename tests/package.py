#!/usr/bin/python3
"""The Debian package: built twice, checked by lintian, installed into a bare Debian 12 that boots,
used, upgraded under load, removed and purged; and where the predecessor is at work already."""
import contextlib
import filecmp
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import tap
from responder import LONG

if not LONG:
    tap.add('the Debian package', tap.skip, 'a slow one: OCSP_TEST_ALL')
    tap.run()

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
SYSD_UP = os.path.join(HERE, 'lib', 'sysd-up.sh')
LOAD = os.path.join(HERE, 'lib', 'load.py')
WORK = tempfile.mkdtemp(prefix='ocsp-package-', dir='/tmp')
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
ENVIRONMENT = {'PATH': PATH, 'HOME': '/root', 'LC_ALL': 'C.UTF-8',
               'DEBIAN_FRONTEND': 'noninteractive'}
MODES = '''750 root pycert /etc/ocsp_py
640 root pycert /etc/ocsp_py/config.ini
700 pycert pycert /var/cache/ocsp_py
700 pycert pycert /var/lib/ocsp_py
640 pycert adm /var/log/ocsp_py.log
'''
SHOW_MODES = "stat -c '%a %U %G %n' /etc/ocsp_py /etc/ocsp_py/config.ini /var/cache/ocsp_py" \
             ' /var/lib/ocsp_py /var/log/ocsp_py.log'


def units():
    """Those that can be enabled."""
    found = []
    for name in sorted(os.listdir(os.path.join(TOP, 'units'))):
        with open(os.path.join(TOP, 'units', name)) as f:
            if '\n[Install]\n' in f.read():
                found.append(name)
    assert len(found) > 5, found
    return found


def path(*parts):
    return os.path.join(WORK, *parts)


def run(*command, fails=False, **options):
    """Returns all that was printed; it has to end with status 0, or with fails with another."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, errors='replace', env=ENVIRONMENT, **options)
    assert (done.returncode != 0) == fails, '%s: exit code %d\n%s' % (
        ' '.join(command), done.returncode, done.stdout[-4000:])
    return done.stdout


class Machine:
    """A system that has booted on a throw-away copy of a root."""

    def __init__(self, root, name):
        self.up, empty = path(name), path(name + '-files')
        os.makedirs(empty)
        done = subprocess.run([SYSD_UP, 'start', self.up, empty], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=dict(ENVIRONMENT, LOWER=root))
        if done.returncode == 77:
            tap.skip(done.stdout.strip())
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self):
        subprocess.run([SYSD_UP, 'stop', self.up], capture_output=True)

    def do(self, script, **options):
        return run(SYSD_UP, 'exec', self.up, 'sh', '-ec', script, **options)

    def copy_in(self, source, target):
        with open(source, 'rb') as f:
            subprocess.run([SYSD_UP, 'exec', self.up, 'sh', '-c', 'cat > ' + target], stdin=f,
                           check=True)

    def load(self, seconds, lost):
        """Starts requests from outside of it, over its loopback."""
        with open(os.path.join(self.up, 'init')) as f:
            init = f.read().strip()
        return subprocess.Popen(
            ['nsenter', '-t', init, '--net', LOAD, '2560', '%ds' % seconds, '4', path('good.req'),
             str(lost)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


built = {}          # 'deb', 'newer', 'root'
machines = []


def need(what):
    if what not in built:
        tap.skip('there is no %s: see above' % what)
    return built[what]


def sources(name):
    """What "make dist" packs, in a folder of this name."""
    build = path('dist')
    if not os.path.exists(build):
        os.mkdir(build)
        run(os.path.join(TOP, 'configure'), '-q', cwd=build)
        run('make', '-s', 'distdir', cwd=build)
    shutil.copytree(glob.glob(path('dist', 'ocsp-stdio-*'))[0], path(name))
    return path(name)


# --- the package

@tap.test('dpkg-buildpackage makes the same package of two folders')
def build():
    if os.getuid() != 0:
        tap.skip('not root')
    for program in ('dpkg-buildpackage', 'dh', 'mmdebstrap'):
        if not shutil.which(program):
            tap.skip('%s is not installed' % program)
    packages = []
    # the unit tests are run once
    for folder, how in (('one/source', ''), ('two/deeper/source', 'nocheck')):
        os.makedirs(os.path.dirname(path(folder)))
        run('env', 'DEB_BUILD_OPTIONS=' + how, 'dpkg-buildpackage', '-us', '-uc', '-b',
            cwd=sources(folder))
        packages.append(glob.glob(path(folder, '..', 'ocsp-stdio_*.deb'))[0])
    assert filecmp.cmp(*packages, shallow=False), packages
    built['deb'] = packages[0]


@tap.test('lintian finds nothing')
def lintian():
    deb = need('deb')
    if not shutil.which('lintian'):
        tap.skip('lintian is not installed')
    changes = glob.glob(os.path.join(os.path.dirname(deb), '*.changes'))[0]
    # that of a root's session is a hint too
    said = run('lintian', '--display-info', '--fail-on', 'error,warning,info', changes)
    tap.equal([s for s in said.splitlines() if s[:1] in 'EWI'], [])


@tap.test('units, manuals, completion and the files for sysusers.d, logrotate, xinetd are in it')
def contents():
    said = run('dpkg-deb', '-c', need('deb'))
    for file in ('/lib/systemd/system/ocsp@.service', '/usr/share/man/man8/ocspctl.8.gz',
                 '/usr/share/bash-completion/completions/ocspctl', '/etc/logrotate.d/ocsp_py',
                 '/usr/lib/sysusers.d/ocsp_py.conf', '/usr/lib/tmpfiles.d/ocsp_py.conf',
                 '/etc/xinetd.d/ocsp', '/usr/share/doc/ocsp-stdio/docs/design.md',
                 '/usr/share/doc/ocsp-stdio/examples/nginx.conf'):
        assert re.search(r' \.%s\n' % re.escape(file), said), file
    assert re.search(r'^-rw-r----- root/root .* \./etc/ocsp_py/config.ini$', said, re.M)


# --- a bare Debian

def installed(name, *packages):
    """A bare Debian 12 in which apt has installed the package, and these; its folder."""
    root, deb, bare = path(name), need('deb'), path('bare')
    if not os.path.exists(bare):
        done = subprocess.run(['mmdebstrap', '--mode=root', '--variant=minbase',
                               '--skip=cleanup/apt/lists', 'bookworm', bare], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, env=ENVIRONMENT)
        if done.returncode:
            shutil.rmtree(bare, ignore_errors=True)
            tap.skip('mmdebstrap: ' + done.stderr.strip().splitlines()[-1])
    run('cp', '-a', bare, root)
    os.chmod(root, 0o755)
    shutil.copy(deb, path(name, 'ocsp.deb'))
    shutil.copy('/etc/resolv.conf', path(name, 'etc'))
    run('unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec',
        'mount -t proc proc "$1/proc"; exec chroot "$@"', '-', root,
        'apt-get', 'install', '-y', '-q', '--no-install-recommends', '/ocsp.deb', *packages)
    return root


@tap.test('apt installs it into a bare Debian 12, where no service manager runs')
def bare_root():
    built['root'] = installed('root', 'libsqlite3-0', 'openssl')
    tap.equal(run('chroot', built['root'], 'sh', '-c', SHOW_MODES), MODES)


def machine():
    """The one machine that the next tests use, one after the other."""
    if not machines:
        machines.append(Machine(need('root'), 'up'))
    return machines[0]


@tap.test('after the first boot nothing of it is enabled or runs')
def nothing_runs():
    m = machine()
    for unit in units():
        tap.equal(m.do('systemctl is-enabled %s || :' % unit), 'disabled\n', unit)
        tap.equal(m.do('systemctl is-active %s || :' % unit), 'inactive\n', unit)
    tap.equal(m.do('systemctl --failed --plain --no-legend'), '')


@tap.test('ocspctl setup has nothing to change after postinst, and tmpfiles.d nothing after it')
def no_fight():
    m = machine()
    said = m.do('ocspctl setup')
    tap.equal(re.findall(r'^(?:made|changed) .*', said, re.M), [], said)
    m.do('systemd-tmpfiles --create ocsp_py.conf')
    tap.equal(m.do(SHOW_MODES), MODES)


@tap.test('debian/tests/answers: configured, both sockets answer')
def autopkgtest():
    m = machine()
    m.copy_in(os.path.join(TOP, 'debian', 'tests', 'answers'), '/root/answers')
    said = m.do('mkdir /root/t; AUTOPKGTEST_TMP=/root/t sh /root/answers 2>&1')
    tap.contains(said, 'all is well')


# --- its life

def newer_package():
    """The same with a higher version and other defaults."""
    if 'newer' not in built:
        tree, deb = path('newer'), path('newer.deb')
        run('dpkg-deb', '-R', need('deb'), tree)
        for file, old, new in (('DEBIAN/control', r'^Version: (.*)', r'Version: \1+1'),
                               ('etc/ocsp_py/config.ini', r'\Z', '# new\n'),
                               ('etc/xinetd.d/ocsp', r'\Z', '# new\n')):
            with open(os.path.join(tree, file)) as f:
                text = f.read()
            with open(os.path.join(tree, file), 'w') as f:
                f.write(re.sub(old, new, text, count=1, flags=re.M))
        run('dpkg-deb', '-b', tree, deb)
        built['newer'] = deb
    return built['newer']


@contextlib.contextmanager
def under_load(m, seconds, lost=0):
    with open(path('good.req'), 'wb') as f:
        f.write(subprocess.run([SYSD_UP, 'exec', m.up, 'sh', '-c', 'cd /root/t && openssl ocsp '
                                '-issuer ca.pem -cert good.pem -no_nonce -reqout /dev/stdout'],
                               stdout=subprocess.PIPE, check=True).stdout)
    client = m.load(seconds, lost)
    try:
        yield
    finally:
        said = client.communicate()[0]
    assert client.returncode == 0, said
    tap.note(said.strip())


@tap.test('an upgrade under load restarts the listener, loses no answer, and keeps what was edited')
def upgrade():
    m = machine()
    m.do('systemctl enable --now ocsp-listen.service')
    show = 'systemctl show -P MainPID ocsp-listen.service'
    before, config = m.do(show), m.do('cat /etc/ocsp_py/config.ini')
    m.copy_in(newer_package(), '/root/newer.deb')
    with under_load(m, 12):
        m.do('dpkg --force-confold -i /root/newer.deb')
    assert m.do(show) != before, 'the old listener goes on'
    tap.equal(m.do('cat /etc/ocsp_py/config.ini'), config)
    tap.contains(m.do('cat /etc/xinetd.d/ocsp'), '# new')
    tap.equal(m.do(SHOW_MODES), MODES)
    for unit in units():
        want = 'enabled\n' if unit.startswith('ocsp-listen') else 'disabled\n'
        tap.equal(m.do('systemctl is-enabled %s || :' % unit), want, unit)
        want = 'active\n' if unit.startswith('ocsp-listen') else 'inactive\n'
        tap.equal(m.do('systemctl is-active %s || :' % unit), want, unit)


@tap.test('user= and signuser= of other names keep what is theirs over an upgrade and a boot')
def other_users():
    m = machine()
    m.do('systemctl stop ocsp-listen.service; cp -a /etc/ocsp_py/config.ini /root/kept.ini;'
         ' sed -i "s|^\\[ocsp\\]|&\\nuser=parser\\nsignuser=signer\\nsigner=unix:/run/ocsp/sign.sock|"'
         ' /etc/ocsp_py/config.ini; ocspctl setup')
    theirs = m.do(SHOW_MODES)
    for line in ('640 root parser /etc/ocsp_py/config.ini', '2750 signer parser /var/cache/ocsp_py',
                 '660 parser parser /var/log/ocsp_py.log'):
        tap.contains(theirs, line)
    m.do('dpkg --force-confold -i /root/newer.deb; systemd-tmpfiles --create ocsp_py.conf')
    tap.equal(m.do(SHOW_MODES), theirs)
    # nor do they lose it over a slip of the pen
    m.do('echo what >> /etc/ocsp_py/config.ini; dpkg --force-confold -i /root/newer.deb')
    tap.equal(m.do(SHOW_MODES), theirs)
    # owners are left as long as a configuration can't be read, and given back by one that can
    m.do('cat /root/kept.ini > /etc/ocsp_py/config.ini; dpkg --force-confold -i /root/newer.deb;'
         ' systemctl reset-failed; systemctl start ocsp-listen.service')
    tap.equal(m.do(SHOW_MODES), MODES)


KEPT = 'ls -l /etc/ocsp_py/ca.key /etc/ocsp_py/ca.pem /var/lib/ocsp_py/certs.sqlite'


@tap.test('what is removed stops; configuration, keys, data, cache and log stay')
def remove():
    m = machine()
    before = m.do(KEPT)
    m.do('dpkg -r ocsp-stdio')
    tap.equal(m.do("systemctl list-units --all --plain --no-legend 'ocsp*' |"
                   " grep -v -e not-found -e ocsp-test || :"), '')
    m.do('! openssl ocsp -issuer /root/t/ca.pem -cert /root/t/good.pem -url http://127.0.0.1:2560/')
    tap.equal(m.do(KEPT), before)
    tap.equal(m.do(SHOW_MODES), MODES)


@tap.test('installed again it goes on where it was')
def again():
    m = machine()
    m.do('dpkg -i /root/newer.deb')
    m.do('systemctl start ocsp-listen.service')
    with under_load(m, 1):
        pass


@tap.test('purge takes configuration, cache and log; never keys, databases or the user')
def purge():
    m = machine()
    before = m.do(KEPT)
    m.do('dpkg -P ocsp-stdio')
    tap.equal(m.do(KEPT), before)
    m.do('id pycert; test ! -e /etc/ocsp_py/config.ini; test ! -e /var/cache/ocsp_py;'
         ' test ! -e /var/log/ocsp_py.log; test ! -e /etc/xinetd.d/ocsp')
    left = m.do("find / -xdev ! -path '/root/*' ! -path '/proc/*' ! -path '/var/lib/dpkg/*' "
                "-name '*ocsp*' ! -name 'ocsp-test*' ! -name '*.deb' ! -name '*.1ssl.gz' || :")
    tap.equal(sorted(left.split()), ['/etc/ocsp_py', '/var/lib/ocsp_py'])


# --- beside others

@tap.test("the predecessor's user, configuration and program stay as they are")
def predecessor():
    deb = need('deb')
    m = Machine(need('root'), 'old')
    machines.append(m)
    m.do('dpkg -P ocsp-stdio; userdel pycert-sign; userdel pycert; rm -rf /etc/ocsp_py;'
         ' useradd -m -r pycert; mkdir -m 700 /etc/ocsp_py;'
         ' printf "[db]\\nhost=db.example\\n" > /etc/ocsp_py/config.ini;'
         ' echo print > /usr/bin/ocsp.py; touch /var/log/ocsp_py.log;'
         ' chown pycert:pycert /usr/bin/ocsp.py /var/log/ocsp_py.log; chmod 700 /usr/bin/ocsp.py')
    before = m.do('id -u pycert; ls -l /usr/bin/ocsp.py; cat /etc/ocsp_py/config.ini')
    m.copy_in(deb, '/root/ocsp.deb')
    m.do('dpkg --force-confold -i /root/ocsp.deb')
    tap.equal(m.do('id -u pycert; ls -l /usr/bin/ocsp.py; cat /etc/ocsp_py/config.ini'), before)
    # its log is its own until there is a configuration that can be read
    tap.equal(m.do(SHOW_MODES), MODES.replace('640 pycert adm', '644 pycert pycert'))
    tap.equal(m.do('readlink -f /usr/libexec/ocsp.py'), '/usr/bin/ocsp-stdio\n')


@tap.test('without systemd: users and folders are made, and xinetd takes the stanza')
def without_systemd():
    root = installed('xinetd', 'systemd-standalone-sysusers', 'systemd-standalone-tmpfiles',
                     'openssl', 'xinetd')
    assert not os.path.exists(path(root, 'lib/systemd/systemd'))
    tap.equal(run('chroot', root, 'sh', '-c', SHOW_MODES), MODES)
    said = run('unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', r'''
        ip link set lo up
        mount -t proc proc "$1/proc"
        exec chroot "$1" sh -ec "
            sed -i 's/= yes/= no/' /etc/xinetd.d/ocsp
            xinetd -stayalive
            for i in 1 2 3 4 5 6 7 8 9 10; do
                printf x | openssl s_client -connect 127.0.0.1:2560 > /tmp/said 2>&1 || :
                grep -q CONNECTED /tmp/said && break
                sleep 0.3
            done
            grep CONNECTED /tmp/said"''', '-', root)
    tap.contains(said, 'CONNECTED')


def close():
    for m in machines:
        m.stop()
    shutil.rmtree(WORK)


tap.run(close)
