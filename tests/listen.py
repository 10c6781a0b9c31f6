#!/usr/bin/python3
"""ocsp-stdio --listen: one forked instance for each connection, caps, signals, sd_notify."""
import concurrent.futures
import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import inject
import mariadb
import ocsp
import tap
import wire
from responder import (LONG, Responder, accepts, children_of, has_keeper, read_all, terminate,
                       wait_for)

r = Responder(timeout='5')
leaf = r.add(r.ca.issue('leaf'))
request = r.request(leaf)


def ask(port, source='127.0.0.1'):
    with wire.connect(port, source) as sock:
        sock.sendall(wire.post(request))
        return read_all(sock)


def is_good(octets):
    tap.equal(str(ocsp.Response(wire.only(octets).body)), 'good')


class Listener:
    """A listener for a while; ended politely, and it must end with 0."""
    code = 0

    def __init__(self, **keys):
        self.context = r.configured(keep_cache=True, **keys)

    def __enter__(self):
        self.context.__enter__()
        self.child, self.port = r.listen()
        self.keeper = children_of(self.child.pid)
        return self

    def instances(self):
        return [pid for pid in children_of(self.child.pid) if pid not in self.keeper]

    def __exit__(self, *error):
        code = self.child.poll() if self.child.poll() is not None else terminate(self.child)
        self.context.__exit__(*error)
        if not error[0]:
            tap.equal(code, self.code, 'exit code of the listener')


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
        tap.equal(len(l.instances()), 4)
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
        wait_for(lambda: not l.instances(), 'the end of all children', 10)


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


FILTERS = (('wide', {}), ('tight', {'signer': 'unix:' + r.path('nobody')}))


def reload(keys):
    with Listener(**keys) as l:
        r.clear_log()
        r.configure(statusheader='yes')
        l.child.send_signal(signal.SIGHUP)
        wait_for(lambda: b'X-OCSP-Status' in ask(l.port), 'the new configuration', 10)
        r.write('config.ini', 'nonsense\n')
        l.child.send_signal(signal.SIGHUP)
        wait_for(lambda: 'config.ini:1' in r.log(), 'a complaint', 10)
        tap.contains(ask(l.port), b'X-OCSP-Status')
        r.configure(statusheader=None)


for filters, keys in FILTERS:
    tap.add('SIGHUP, %s filter: the configuration is read again; a broken one changes nothing'
            % filters, reload, keys)


def kept(change):
    """A client that keeps its connection asks once more behind this, and is told to come again."""
    with Listener(keepalive='1000', **dict(FILTERS)['tight']) as l:
        client = http.client.HTTPConnection('127.0.0.1', l.port, timeout=20)
        client.connect()
        sock = client.sock

        def once_more():
            client.request('POST', '/', request, {'Content-Type': 'application/ocsp-request'})
            answer = client.getresponse()
            tap.equal(str(ocsp.Response(answer.read())), 'good')
            return answer.getheader('Connection')

        tap.equal([once_more() for _ in range(3)], [None] * 3)
        assert client.sock is sock
        change(l)
        tap.equal(once_more(), 'close')
        tap.equal(sock.fileno(), -1, 'http.client keeps the connection')


def kill_and_wait(l):
    l.child.kill()
    l.code = l.child.wait()


def reload_and_wait(l):
    r.clear_log()
    l.child.send_signal(signal.SIGHUP)
    wait_for(lambda: 'was read again' in r.log(), 'the configuration', 10)


def stop_and_wait(l):
    l.child.send_signal(signal.SIGTERM)
    wait_for(lambda: not accepts(l.port), 'the socket to close', 5)


tap.add('SIGKILL: a kept connection ends with its next answer', kept, kill_and_wait)
tap.add('SIGHUP: a kept connection ends with its next answer, and does not go on as before', kept,
        reload_and_wait)
tap.add('SIGTERM: a kept connection ends with its next answer, and outlives no listener', kept,
        stop_and_wait)


@tap.test('SIGHUP while the cache is away, tight filter: a line in the log, and it goes on')
def reload_without_cache():
    with Listener(**dict(FILTERS)['tight']) as l:
        r.clear_log()
        os.rename(r.path('cache'), r.path('away'))
        l.child.send_signal(signal.SIGHUP)
        wait_for(lambda: "can't be opened" in r.log(), 'a complaint', 10)
        os.rename(r.path('away'), r.path('cache'))
        l.child.send_signal(signal.SIGHUP)
        wait_for(lambda: r.log().count('was read again') == 2, 'a second look', 10)
        tap.equal(wire.only(ask(l.port)).status, 200)


@tap.test('a child that is killed does not disturb the others')
def killed():
    with Listener() as l:
        with wire.connect(l.port) as sock:
            sock.sendall(b'P')
            wait_for(l.instances, 'a child', 5)
            for pid in l.instances():
                os.kill(pid, signal.SIGKILL)
        is_good(ask(l.port))


def passed_socket():
    sock = socket.socket()
    sock.bind(('127.0.0.1', 0))
    sock.listen(100)
    return sock


def start_passed(sock, env, count=1):
    """Starts the listener as systemd does: the socket is descriptor 3, LISTEN_PID its own."""
    def prepare():
        for fd in range(3, 3 + count):
            os.dup2(sock.fileno(), fd)
            os.set_inheritable(fd, True)

    command = 'LISTEN_PID=$$ exec "$@"'
    return r.start_command(['sh', '-c', command, 'sh'] + r.command('ocsp-stdio', '--listen'),
                           env=dict(env, LISTEN_FDS=str(count)), preexec_fn=prepare,
                           close_fds=False, stderr=subprocess.DEVNULL)


@tap.test('more sockets than it can serve: it says so, and lets no client wait')
def too_many_sockets():
    with passed_socket() as sock:
        # above the descriptors that it is copied to
        with socket.socket(fileno=os.dup2(sock.fileno(), 100)) as high:
            r.clear_log()
            child = start_passed(high, {}, 33)
            tap.equal(child.wait(60), 64)
            tap.contains(r.log(), 'more than 32 sockets')
            child = start_passed(high, {}, 32)
            is_good(ask(sock.getsockname()[1]))
            tap.equal(terminate(child), 0)


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


def ask_while(going_on, port):
    """Answers that were lost, and how many came."""
    lost, answered = [], 0
    while going_on.is_set():
        try:
            is_good(ask(port))
            answered += 1
        except (OSError, AssertionError) as error:
            lost.append(repr(error))
    return lost, answered


@tap.test('SIGKILL of a listener, again and again under load: no answer is lost')
def killed_listener():
    if not has_keeper():
        tap.skip('this kernel has no pidfd_open()')
    going_on = threading.Event()
    going_on.set()
    with passed_socket() as sock, concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = [pool.submit(ask_while, going_on, sock.getsockname()[1]) for _ in range(4)]
        for _ in range(1000 if LONG else 50):
            child = start_passed(sock, {})
            wait_for(lambda: children_of(child.pid), 'a listener')
            time.sleep(random.uniform(0.01, 0.05))
            child.kill()
            child.wait()
        last = start_passed(sock, {})
        time.sleep(0.5)
        going_on.clear()
        lost = [error for result in results for error in result.result()[0]]
        answered = sum(result.result()[1] for result in results)
        tap.equal(terminate(last), 0)
    tap.note('%d answers' % answered)
    assert not lost, '%d lost: %s' % (len(lost), lost[:5])
    assert answered > 100, answered


def keeper_serves(keys):
    inject.needs_strace()
    if not has_keeper():
        tap.skip('this kernel has no pidfd_open()')
    port = mariadb.free_port()
    with r.configured(keep_cache=True, **keys):
        strace = r.start_command(
            ['strace', '-f', '-o', '/dev/null', '-e', 'inject=accept4:delay_exit=2000000', '--']
            + r.command('ocsp-stdio', '--listen', '-l', '127.0.0.1:%d' % port),
            stderr=subprocess.DEVNULL)
        wait_for(lambda: accepts(port), 'a listener')
        listener = children_of(strace.pid)[0]
        wait_for(lambda: children_of(listener), 'the keeper')
        with wire.connect(port) as sock:
            sock.sendall(wire.post(request))
            time.sleep(0.5)     # it is accepted now, and nothing was started for it
            tap.equal(len(children_of(listener)), 1)
            os.kill(listener, signal.SIGKILL)
            is_good(read_all(sock))
    strace.wait(20)
    assert not accepts(port), 'the keeper goes on listening'


for filters, keys in FILTERS:
    tap.add('SIGKILL between accept() and fork(), with the %s filter: the keeper serves' % filters,
            keeper_serves, keys)


@tap.test('the keeper is replaced when it is killed, and when the configuration is read again')
def keeper_replaced():
    if not has_keeper():
        tap.skip('this kernel has no pidfd_open()')
    with Listener() as l:
        for end in (lambda pid: os.kill(pid, signal.SIGKILL),
                    lambda pid: l.child.send_signal(signal.SIGHUP)):
            before = children_of(l.child.pid)[0]
            end(before)
            wait_for(lambda: children_of(l.child.pid) not in ([], [before]), 'another keeper', 20)
            tap.equal(len(children_of(l.child.pid)), 1)
        is_good(ask(l.port))


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


@tap.test('a cap per source: ::1 is of a /64 as well')
def per_source_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
            port = probe.getsockname()[1]
    except OSError:
        tap.skip('no IPv6 here')
    with r.configured(keep_cache=True, maxpersource='3', timeout='30'):
        child = r.start('ocsp-stdio', '--listen', '-l', '[::1]:%d' % port,
                        stderr=subprocess.DEVNULL)

        def connect():
            return socket.create_connection(('::1', port), 5)

        def is_up():
            with contextlib.suppress(ConnectionRefusedError), connect() as sock:
                # whoever is answered has a process by then, of which the end can be waited for
                sock.sendall(wire.post(request))
                is_good(read_all(sock))
                return True

        wait_for(is_up, 'a listener')
        wait_for(lambda: len(children_of(child.pid)) <= has_keeper(), 'the end of the first')
        open_ones = [connect() for _ in range(3)]
        with connect() as fourth:
            fourth.settimeout(5)
            tap.contains(fourth.recv(1000), b'503')
        for sock in open_ones:
            sock.close()
        tap.equal(terminate(child), 0)


tap.run(r.close)
