"""launchers - the ways in which ocsp-stdio is started for a connection, each on a port of loopback.

    with launched('xinetd', responder, port):
        ...
"""
import contextlib
import os
import re
import shutil
import subprocess

import inject
import tap
from responder import accepts, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'


def _listen(r, port):
    return r.command('ocsp-stdio', '--listen', '-l', '127.0.0.1:%d' % port)


def _socket_activate(r, port):
    """What ocsp.socket is to systemd, without a system manager."""
    return ['systemd-socket-activate', '-l', '127.0.0.1:%d' % port, '--accept', '--inetd',
            '-E', 'ASAN_OPTIONS=detect_leaks=0',    # it passes on nothing else
            *r.command('ocsp-stdio')]


def _xinetd(r, port):
    """The stanza that is installed, but for what belongs to a test."""
    if os.getuid() != 0:
        tap.skip('xinetd needs root')
    with open(os.path.join(TOP, 'etc', 'xinetd.d', 'ocsp')) as f:
        text = f.read()
    for key, value in (('port', '%d\n\tbind = 127.0.0.1' % port), ('disable', 'no'),
                       ('user', r.account.pw_name),
                       ('server', '%s\n\tserver_args = -c %s' % (r.path('bin', 'ocsp-stdio'),
                                                                 r.config))):
        text = re.sub(r'(?m)^(\s*%s\s*=).*' % key, lambda m: '%s %s' % (m.group(1), value), text)
    if inject.is_sanitized(r.path('bin', 'ocsp-stdio')):
        # a sanitizer takes terabytes of addresses
        text = re.sub(r'(?m)^\s*rlimit_as\s*=.*\n', '', text)
    r.write('xinetd.conf', text)
    return ['xinetd', '-dontfork', '-f', r.path('xinetd.conf'), '-pidfile', r.path('xinetd.pid'),
            '-filelog', r.path('xinetd.log')]


# name: (what makes the command, the program that it needs)
LAUNCHERS = {'listen': (_listen, None),
             'accept': (_socket_activate, 'systemd-socket-activate'),
             'xinetd': (_xinetd, 'xinetd')}


@contextlib.contextmanager
def launched(name, r, port):
    make, needs = LAUNCHERS[name]
    if needs and not shutil.which(needs, path=PATH):
        tap.skip('%s is not installed' % needs)
    with open(r.path('listener.err'), 'ab') as err:
        child = r.start_command(make(r, port), env={'PATH': PATH}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=err)
    try:
        wait_for(lambda: child.poll() is not None or accepts(port), name)
        assert child.poll() is None, '%s: %s' % (name, r.listeners_said())
        yield child
    finally:
        child.terminate()
        child.wait(20)
