#!/usr/bin/python3
"""A release: its version stands in one place; its tarball is whole, and the same whoever makes it;
an RPM can be built of it."""
import filecmp
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import host
import tap
from responder import BUILD, LONG, PROGRAMS

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = tempfile.mkdtemp(prefix='ocsp-release-', dir='/tmp')
# Folders for those who have a clone, and what autoreconf, configure, make and dpkg-buildpackage put
# into a tree that is built in place.
MADE_FOLDER = re.compile(r'[._]|autom4te\.cache$|build|units-built$|ocsp-stdio-')
MADE = re.compile(r'\.(o|a|log|trs|deps|dirstamp)$|__pycache__|/\.deps/|'
                  r'^tests/(unit/test-[a-z0-9-]*|ocsp-stdio-dynamic)$|'
                  r'^debian/(\.debhelper|ocsp-stdio)/|debhelper|^debian/files$|substvars$|'
                  r'^debian/autoreconf\.|^(\.gitignore|configure~|config\..*|Makefile|stamp-.*)$|'
                  r'^(ocsp-stdio|ocsp-sign|ocspctl)$|\.tar\.[gx]z$')


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def run(*command, cwd=WORK, **env):
    """A command without what this make tells its children."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace',
                          env=dict({'PATH': os.environ['PATH'], 'HOME': WORK}, **env))
    assert done.returncode == 0, '%s: exit code %d\n%s' % (
        ' '.join(command), done.returncode, done.stdout[-3000:])
    return done.stdout


def version():
    return re.search(r'^AC_INIT\(\[ocsp-stdio\], \[([\d.]+)\]\)', read(TOP, 'configure.ac'),
                     re.M).group(1)


def name():
    return 'ocsp-stdio-' + version()


def tarball():
    """Made of this build; its path."""
    path = os.path.join(WORK, name() + '.tar.gz')
    if not os.path.exists(path):
        # elsewhere: others may be at work in this build's folder
        folder = os.path.join(WORK, 'build')
        os.mkdir(folder)
        run(os.path.join(TOP, 'configure'), '-q', cwd=folder)
        run('make', '-s', 'dist-gzip', cwd=folder, SOURCE_DATE_EPOCH='1700000000')
        shutil.move(os.path.join(folder, name() + '.tar.gz'), path)
        shutil.rmtree(folder)
    return path


def unpack(path, folder):
    """Returns the one folder that is in a tarball."""
    with tarfile.open(path) as tar:
        tar.extractall(folder)
    return os.path.join(folder, name())


@tap.test('the version of configure.ac is that of all else')
def one_version():
    for file, pattern in (('CHANGELOG.md', r'^## ([\d.]+)'),
                          ('debian/changelog', r'\Aocsp-stdio \((.*?)\)')):
        tap.equal(re.search(pattern, read(TOP, file), re.M).group(1), version(), file)
    for program in PROGRAMS:
        said = run(os.path.join(BUILD, program), '--version')
        tap.equal(said, '%s %s\n' % (program, version()))
    for manual in os.listdir(os.path.join(BUILD, 'units-built')):
        if re.search(r'\.\d$', manual):
            tap.contains(read(BUILD, 'units-built', manual), '\n.Os ocsp-stdio %s\n' % version())
    tap.contains(read(BUILD, 'packaging', 'ocsp-stdio.spec'), 'Version:        %s\n' % version())


@tap.test('the RPM spec knows every unit that can be enabled')
def spec_units():
    listed = re.search(r'^%global units (.*)', read(TOP, 'packaging', 'ocsp-stdio.spec.in'), re.M)
    units = os.listdir(os.path.join(TOP, 'units'))
    tap.equal(sorted(listed.group(1).split()),
              sorted(u for u in units if '\n[Install]\n' in read(TOP, 'units', u)))


@tap.test('the tarball has every file of the sources')
def whole():
    with tarfile.open(tarball()) as tar:
        there = {m.name.split('/', 1)[1] for m in tar if m.isfile()}
    found = set()
    for base, folders, names in os.walk(TOP):
        folders[:] = [f for f in folders if base != TOP or not MADE_FOLDER.match(f)]
        found |= {os.path.relpath(os.path.join(base, n), TOP) for n in names}
    found = {f for f in found if not MADE.search(f)}
    assert len(found) > 300, found
    tap.equal(sorted(found - there), [])
    tap.contains(there, 'packaging/ocsp-stdio.spec')
    tap.equal([f for f in there if '__pycache__' in f], [])


@tap.test('make install replaces nothing that an administrator has edited')
def install_again():
    root = os.path.join(WORK, 'installed')
    how = ('make', '-s', '-C', BUILD, 'DESTDIR=' + root)
    run(*how, 'install')
    edited = [os.path.join(base, n) for base, _, names in os.walk(root) for n in names
              if base.endswith(('/etc/ocsp_py', '/logrotate.d', '/xinetd.d'))]
    tap.equal(len(edited), 3, edited)
    for file in edited:
        with open(file, 'a') as f:
            f.write('# edited\n')
    run(*how, 'install')
    for file in edited:
        assert read(file).endswith('# edited\n'), file
    run(*how, 'uninstall')
    tap.equal([f for f in edited if not os.path.exists(f)], [], 'edited, and removed')
    for file in edited:
        os.unlink(file)
    run(*how, 'install')
    run(*how, 'uninstall')
    tap.equal([f for f in edited if os.path.exists(f)], [], 'as it was installed, and left')


@tap.test("what is installed names our folders where this configuration has them, others' unchanged")
def relocated():
    paths = host.installed()
    roots = {'etc': paths['sysconfdir'], 'var': paths['localstatedir']}
    ours = re.compile(r'/(etc|var)(/ocsp_py|/logrotate\.d/ocsp_py|/xinetd\.d/ocsp|/[a-z]+/ocsp_py)')
    named = re.compile(r'[\w./@-]*/(?:etc|var)/[\w./@-]*')
    folder, kept = os.path.join(BUILD, 'units-built'), set()
    for base, _, names in os.walk(folder):
        for file in (os.path.relpath(os.path.join(base, n), folder) for n in names):
            source = next(read(TOP, d, file) for d in ('units', 'etc', 'docs/examples', 'man')
                          if os.path.exists(os.path.join(TOP, d, file)))
            tap.equal(named.findall(read(folder, file)),
                      named.findall(ours.sub(lambda m: roots[m[1]] + m[2], source)), file)
            kept |= {path for path in named.findall(source) if not ours.search(path)}
    for path in ('/etc/systemd/system/ocsp-', '/etc/sudoers.d/ocsp', '/var/lib/ocsp_static'):
        tap.contains(kept, path)


def members(path):
    """{name: what there is to it} of a tarball."""
    with tarfile.open(path) as tar:
        return {m.name: (m.mode, m.mtime, m.uid, m.gid, m.uname, m.type,
                         m.isfile() and hashlib.sha256(tar.extractfile(m).read()).hexdigest())
                for m in tar}


def must_be_same(one, two):
    there, here = members(one), members(two)
    for file in sorted(set(there) | set(here)):
        tap.equal(here.get(file), there.get(file), file)
    assert filecmp.cmp(one, two, shallow=False), 'another order, or another gzip'


def clone(repository, folder, umask, **env):
    """A tarball of a clone, made with this umask and environment."""
    run('git', 'clone', '-q', repository, folder)
    script = 'umask %s; autoreconf -fi && ./configure -q && make -s dist-gzip' % umask
    run('sh', '-c', script, cwd=os.path.join(WORK, folder), **env)
    return os.path.join(WORK, folder, name() + '.tar.gz')


@tap.test('two clones, at different times, make the same tarball; and so does its own tree')
def reproducible():
    if not LONG:
        tap.skip('a slow one: OCSP_TEST_ALL')
    for program in ('git', 'autoreconf'):
        if not shutil.which(program):
            tap.skip('%s is not installed' % program)
    sources = unpack(tarball(), os.path.join(WORK, 'sources'))
    for made in ('aclocal.m4', 'build-aux', 'configure', 'Makefile.in',
                 'packaging/ocsp-stdio.spec'):
        path = os.path.join(sources, made)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    git = ('git', '-c', 'user.name=Test', '-c', 'user.email=test@localhost')
    run('git', 'init', '-q', cwd=sources)
    run('git', 'add', '-A', cwd=sources)
    run(*git, 'commit', '-q', '-m', 'sources', cwd=sources, GIT_COMMITTER_DATE='1750000000 +0200')
    one = clone(sources, 'one', '022')
    two = clone(sources, 'two', '077', TZ='Asia/Tokyo', LC_ALL='C.UTF-8')
    must_be_same(one, two)
    tap.equal({m[1:4] for m in members(one).values()}, {(1750000000, 0, 0)})
    tree = unpack(one, os.path.join(WORK, 'tree'))
    run('sh', '-c', './configure -q && make -s dist-gzip', cwd=tree)
    must_be_same(one, os.path.join(tree, name() + '.tar.gz'))


@tap.test('rpmbuild makes a package of the tarball alone')
def rpm():
    if not LONG:
        tap.skip('a slow one: OCSP_TEST_ALL')
    if not shutil.which('rpmbuild'):
        tap.skip('rpmbuild is not installed')
    top = os.path.join(WORK, 'rpm')
    # on Debian the packages that it wants have other names
    run('rpmbuild', '-ta', '--nodeps', '-D', '_topdir ' + top, '-D', 'debug_package %{nil}',
        tarball())
    packages = [os.path.join(base, n) for base, _, names in os.walk(os.path.join(top, 'RPMS'))
                for n in names]
    tap.equal(len(packages), 1, packages)
    rows = run('rpm', '-qp', '--qf', '[%{FILENAMES} %{FILEMODES:perms} %{FILEFLAGS:fflags}\n]',
               packages[0]).splitlines()
    files = {row.split()[0]: row.split()[1:] for row in rows}
    tap.equal(files['/etc/ocsp_py/config.ini'], ['-rw-r-----', 'cn'])
    tap.equal(files['/etc/xinetd.d/ocsp'][1], 'cn')
    for file in ('/usr/bin/ocsp-stdio', '/usr/bin/ocspctl', '/usr/libexec/ocsp-sign',
                 '/usr/lib/systemd/system/ocsp.socket', '/usr/lib/sysusers.d/ocsp_py.conf',
                 '/usr/lib/tmpfiles.d/ocsp_py.conf'):
        tap.contains(files, file)


tap.run(lambda: shutil.rmtree(WORK))
