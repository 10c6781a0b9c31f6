#!/usr/bin/python3
"""ocsp-stdio --listen: one forked instance for each connection, caps, signals, sd_notify."""
import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import ocsp
import tap
import wire
from responder import Responder, accepts, read_all, terminate, wait_for

r = Responder(timeout='5')
leaf = r.add(r.ca.issue('leaf'))
request = r.request(leaf)


def ask(port, source='127.0.0.1'):
    with wire.connect(port, source) as sock:
        sock.sendall(wire.post(request))
        return read_all(sock)


def is_good(octets):
    tap.equal(str(ocsp.Response(wire.only(octets).body)), 'good')


def children_of(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return f.read().split()


class Listener:
    """A listener for a while; ended politely, and it must end with 0."""

    def __init__(self, **keys):
        self.context = r.configured(keep_cache=True, **keys)

    def __enter__(self):
        self.context.__enter__()
        self.child, self.port = r.listen()
        return self

    def __exit__(self, *error):
        code = self.child.poll() if self.child.poll() is not None else terminate(self.child)
        self.context.__exit__(*error)
        if not error[0]:
            tap.equal(code, 0, 'exit code of the listener')


@tap.test('500 requests one after the other')
def sequential():
    with Listener() as l:
        for _ in range(500):
            is_good(ask(l.port))


@tap.test('500 requests, 20 at a time')
def parallel():
    with Listener() as l, concurrent.futures.ThreadPoolExecutor(20) as pool:
        for answer in pool.map(lambda _: ask(l.port), range(500)):
            is_good(answer)


@tap.test('bare DER over TCP as well')
def bare():
    with Listener() as l, wire.connect(l.port) as sock:
        sock.sendall(request)
        tap.equal(str(ocsp.Response(read_all(sock))), 'good')


@tap.test('the log names the client')
def client_address():
    with Listener() as l:
        r.clear_cache()
        r.clear_log()
        is_good(ask(l.port, '127.0.0.7'))
    tap.contains(r.log(), 'client=127.0.0.7')


def idle(port, count, source='127.0.0.1'):
    return [wire.connect(port, source) for _ in range(count)]


def refused(octets):
    return octets == b'' or wire.only(octets).status == 503


@tap.test('a cap per source: another source is still served (U-11)')
def per_source():
    with Listener(maxpersource='3', timeout='30') as l:
        open_ones = idle(l.port, 3)
        time.sleep(0.3)
        try:
            assert refused(ask(l.port)), 'a fourth of the same source'
        except ConnectionResetError:
            pass
        is_good(ask(l.port, '127.0.0.2'))
        for sock in open_ones:
            sock.close()
        wait_for(lambda: not refused(ask(l.port)), 'room again')


@tap.test('a cap in total: whoever comes then waits for its turn')
def in_total():
    with Listener(maxconnections='4', maxpersource='0', timeout='3') as l:
        open_ones = idle(l.port, 4)
        time.sleep(0.3)
        children = children_of(l.child.pid)
        tap.equal(len(children), 4)
        start = time.monotonic()
        is_good(ask(l.port))    # served once the idle ones have reached their deadline
        assert time.monotonic() - start > 0.5, 'a fifth connection was served at once'
        for sock in open_ones:
            sock.close()


@tap.test('no child stays as a zombie')
def zombies():
    with Listener() as l:
        for _ in range(20):
            ask(l.port)
        wait_for(lambda: not children_of(l.child.pid), 'the end of all children', 10)


@tap.test('SIGTERM: no new connections, those at work are served to their end')
def drains():
    with Listener() as l:
        with wire.connect(l.port) as sock:
            octets = wire.post(request)
            sock.sendall(octets[:-1])
            time.sleep(0.3)
            l.child.send_signal(signal.SIGTERM)
            wait_for(lambda: not accepts(l.port), 'the socket to close', 5)
            sock.sendall(octets[-1:])
            is_good(read_all(sock))
        tap.equal(l.child.wait(20), 0)


@tap.test('SIGHUP: the configuration is read again; a broken one changes nothing')
def reload():
    with Listener() as l:
        r.configure(statusheader='yes')
        l.child.send_signal(signal.SIGHUP)
        wait_for(lambda: b'X-OCSP-Status' in ask(l.port), 'the new configuration', 10)
        r.write('config.ini', 'nonsense\n')
        l.child.send_signal(signal.SIGHUP)
        wait_for(lambda: 'config.ini:1' in r.log(), 'a complaint', 10)
        tap.contains(ask(l.port), b'X-OCSP-Status')
        r.configure(statusheader=None)


@tap.test('a child that is killed does not disturb the others')
def killed():
    with Listener() as l:
        with wire.connect(l.port) as sock:
            sock.sendall(b'P')
            wait_for(lambda: children_of(l.child.pid), 'a child', 5)
            for pid in children_of(l.child.pid):
                os.kill(int(pid), signal.SIGKILL)
        is_good(ask(l.port))


def passed_socket():
    sock = socket.socket()
    sock.bind(('127.0.0.1', 0))
    sock.listen(100)
    return sock


def start_passed(sock, env):
    """Starts the listener as systemd does: the socket is descriptor 3, LISTEN_PID its own."""
    def prepare():
        os.dup2(sock.fileno(), 3)
        os.set_inheritable(3, True)

    command = 'LISTEN_PID=$$ exec "$@"'
    return r.start_command(['sh', '-c', command, 'sh'] + r.command('ocsp-stdio', '--listen'),
                           env=dict(env, LISTEN_FDS='1'), preexec_fn=prepare, close_fds=False,
                           stderr=subprocess.DEVNULL)


@tap.test('the socket that systemd passes (LISTEN_FDS), and the sd_notify protocol')
def notify():
    path = r.path('notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, passed_socket() as sock:
        told.bind(path)
        os.chmod(path, 0o777)
        told.settimeout(20)
        child = start_passed(sock, {'NOTIFY_SOCKET': path})
        port = sock.getsockname()[1]
        ready = told.recv(4096).decode()
        tap.contains(ready, 'READY=1')
        tap.contains(ready, 'STATUS=')
        is_good(ask(port))
        child.send_signal(signal.SIGTERM)
        text = ''
        while 'STOPPING=1' not in text:
            text = told.recv(4096).decode()
        tap.equal(child.wait(20), 0)


@tap.test('a restart loses no connection: what waits in the socket is served by the next')
def restart():
    with passed_socket() as sock:
        port = sock.getsockname()[1]
        first = start_passed(sock, {})
        is_good(ask(port))
        tap.equal(terminate(first), 0)
        with wire.connect(port) as waiting:
            waiting.sendall(wire.post(request))
            second = start_passed(sock, {})
            is_good(read_all(waiting))
        tap.equal(terminate(second), 0)


@tap.test('without a socket, or with an address that is none: a sentence and an exit code')
def no_socket():
    done = r.run('ocsp-stdio', '--listen')
    tap.equal(done.returncode, 64)
    for address in ('nonsense', '127.0.0.1', '127.0.0.1:99999', '300.1.1.1:80', ':'):
        done = r.run('ocsp-stdio', '--listen', '-l', address)
        assert done.returncode != 0, address
        tap.contains(done.stderr.decode() + r.log(), address, address)
    with Listener() as l:
        done = r.run('ocsp-stdio', '--listen', '-l', '127.0.0.1:%d' % l.port)
        assert done.returncode != 0
        tap.contains(done.stderr.decode() + r.log(), 'in use')


@tap.test('IPv6')
def ipv6():
    try:
        probe = socket.socket(socket.AF_INET6)
        probe.bind(('::1', 0))
    except OSError:
        tap.skip('no IPv6 here')
    port = probe.getsockname()[1]
    probe.close()
    child = r.start('ocsp-stdio', '--listen', '-l', '[::1]:%d' % port, stderr=subprocess.DEVNULL)

    def answers():
        try:
            with socket.create_connection(('::1', port), 5) as sock:
                sock.sendall(wire.post(request))
                is_good(read_all(sock))
                return True
        except ConnectionRefusedError:
            return False

    wait_for(answers, 'an answer over IPv6', 20)
    tap.equal(terminate(child), 0)


tap.run(r.close)
