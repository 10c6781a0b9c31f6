"""machine - what is measured on: packages, a build of its own, versions, and programs that end with
this one."""
import ctypes
import os
import platform
import shutil
import signal
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Debian packages: what is built with, what is measured with, and who is measured beside us.
BUILD = ('gcc', 'libc6-dev', 'make', 'autoconf', 'automake', 'pkg-config', 'libssl-dev',
         'default-libmysqlclient-dev', 'libsqlite3-dev', 'libsystemd-dev')
TOOLS = ('python3-cryptography', 'openssl', 'valgrind', 'wrk', 'mariadb-server-core',
         'mariadb-client-core', 'iproute2')
PEERS = ('nginx', 'xinetd', 'golang-cfssl')

PR_SET_PDEATHSIG = 1


def say(text):
    print('==> ' + text, flush=True)


def missing(packages):
    def installed(package):
        done = subprocess.run(['dpkg-query', '-W', '-f', '${db:Status-Status}', package],
                              capture_output=True, text=True)
        return done.stdout == 'installed'
    return [p for p in packages if not installed(p)]


def need_packages(install):
    lacking = missing(BUILD + TOOLS + PEERS)
    if not lacking:
        return
    if not install:
        sys.exit('bench/run: missing: %s\nInstall them, or let --install do it with apt-get.'
                 % ' '.join(lacking))
    say('installing ' + ' '.join(lacking))
    env = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    subprocess.run(['apt-get', 'update', '-qq'], env=env, check=True)
    # -o: a server that is only a peer here must not be started by its package
    subprocess.run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', *lacking],
                   env=dict(env, RUNLEVEL='1'), check=True, stdout=subprocess.DEVNULL)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def quietly(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        sys.exit('bench/run: failed: %s\n%s' % (' '.join(map(str, command)),
                                                done.stdout.decode(errors='replace')[-4000:]))
    return done.stdout.decode(errors='replace')


def build(work):
    """Builds the project below work: static (the default) and dynamic; returns both folders."""
    src = os.path.join(work, 'src')
    files = subprocess.run(['git', '-c', 'safe.directory=*', '-C', TOP, 'ls-files', '-z'],
                           capture_output=True)
    os.mkdir(src)
    if files.returncode == 0:
        names = [n for n in files.stdout.split(b'\0')
                 if n and os.path.exists(os.path.join(TOP.encode(), n))]
        tar = subprocess.run(['tar', '-C', TOP, '--null', '-T', '-', '-cf', '-'],
                             input=b'\0'.join(names), capture_output=True, check=True)
    else:
        tar = subprocess.run(['tar', '-C', TOP, '-cf', '-', '.'], capture_output=True, check=True)
    subprocess.run(['tar', '-C', src, '-xf', '-'], input=tar.stdout, check=True)
    if not os.path.exists(os.path.join(src, 'configure')):
        quietly(['autoreconf', '-fi'], cwd=src)
    folders = []
    for name, option in (('static', '--enable-static-front'), ('dynamic', '--disable-static-front')):
        folder = os.path.join(work, name)
        os.mkdir(folder)
        quietly([src + '/configure', '--prefix=/usr', '--sysconfdir=/etc', '--localstatedir=/var',
                 option], cwd=folder)
        quietly(['make', '-j%d' % os.cpu_count()], cwd=folder)
        folders.append(folder)
    return folders


def build_tools(work):
    """The C programs of this folder; returns where they are."""
    folder = os.path.join(work, 'tools')
    os.mkdir(folder)
    for name in ('empty', 'spawn', 'load', 'fork-exec', 'fork-only', 'fill-cache'):
        quietly(['cc', '-O2', *(['-static'] if name == 'fork-only' else []), '-o',
                 os.path.join(folder, name), os.path.join(TOP, 'bench', name + '.c')])
    return folder


def _first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode(errors='replace').strip().splitlines()
    return lines[0].strip() if lines else None


def version_of(package):
    done = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', package], capture_output=True,
                          text=True)
    return done.stdout or '?'


def revision():
    done = subprocess.run(['git', '-c', 'safe.directory=*', '-C', TOP, 'log', '-1',
                           '--format=%h, %cs'], capture_output=True, text=True)
    return done.stdout.strip() or 'no revision known'


def cpu_model():
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30


def describe():
    """(what, value) pairs for the page."""
    with open('/etc/os-release') as f:
        system = dict(line.rstrip().split('=', 1) for line in f if '=' in line)
    virtual = _first_line('systemd-detect-virt') or '?'
    rows = [('processor', '%s, %d cores, virtualisation: %s' % (cpu_model(), os.cpu_count(),
                                                                virtual)),
            ('memory', '%.0f GiB' % memory_gib()),
            ('system', '%s, Linux %s' % (system.get('PRETTY_NAME', '?').strip('"'),
                                         platform.release())),
            ('compiler and libc', '%s; glibc %s' % (_first_line('cc', '--version'),
                                                    platform.libc_ver()[1]))]
    rows += [(p, version_of(p)) for p in ('openssl', 'libmariadb3', 'mariadb-server-core', 'nginx',
                                          'xinetd', 'golang-cfssl', 'wrk', 'valgrind', 'systemd')]
    return rows


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
