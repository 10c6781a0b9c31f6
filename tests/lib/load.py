#!/usr/bin/python3
"""load.py PORT TOTAL AT-ONCE REQUEST [LOST] - sends the OCSP request of a file TOTAL times, each on
a connection of its own, and counts the answers. TOTAL may be a time, "4s". Exit code 0 if no more
than LOST (0) were lost; it gives up after ten more.

load.py PORT silent [N [OCTETS]] - makes N (1) connections, says nothing or only this, and tells
after how many seconds the other side has ended all of them.
load.py PORT halting REQUEST SECONDS - waits so long in the middle of its request.
"""
import collections
import concurrent.futures
import itertools
import socket
import sys
import time

port = int(sys.argv[1])


def post(file):
    with open(file, 'rb') as f:
        request = f.read()
    return (b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\n'
            b'Content-Length: %d\r\n\r\n' % len(request)) + request


def connect():
    return socket.create_connection(('127.0.0.1', port), 30)


def read_answer(sock):
    """'answered', or what came instead."""
    answer = b''
    while chunk := sock.recv(65536):
        answer += chunk
    head, _, body = answer.partition(b'\r\n\r\n')
    if not head.startswith(b'HTTP/1.1 200 ') or not body.startswith(b'\x30\x82'):
        return 'got %r' % answer[:60]
    whole = 4 + int.from_bytes(body[2:4], 'big')
    return 'answered' if len(body) == whole and body[4:7] == b'\x0a\x01\x00' else 'got an error'


def once(octets):
    try:
        with connect() as sock:
            sock.sendall(octets)
            return read_answer(sock)
    except OSError as error:
        return str(error)


def load(total, at_once, octets, may_be_lost):
    counts, slowest = collections.Counter(), 0
    numbers = itertools.count() if total.endswith('s') else iter(range(int(total)))
    end = time.monotonic() + (float(total[:-1]) if total.endswith('s') else 3600)

    def lost():
        return sum(counts.values()) - counts['answered']

    def one_after_the_other():
        nonlocal slowest
        while (start := time.monotonic()) < end and lost() < may_be_lost + 10:
            if next(numbers, None) is None:
                break
            counts[once(octets)] += 1
            slowest = max(slowest, time.monotonic() - start)

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(one_after_the_other) for _ in range(at_once)]:
            done.result()
    print(dict(counts), 'slowest %.2f s' % slowest)
    sys.exit(0 if counts['answered'] and lost() <= may_be_lost else 1)


def silent(connections=1, octets=''):
    start, socks = time.monotonic(), [connect() for _ in range(int(connections))]
    for sock in socks:
        sock.sendall(octets.encode())
    for sock in socks:
        try:
            while sock.recv(1000):
                pass
        except ConnectionResetError:
            pass
    print('%.1f' % (time.monotonic() - start))


def halting(octets, seconds):
    with connect() as sock:
        sock.sendall(octets[:20])
        time.sleep(seconds)
        sock.sendall(octets[20:])
        result = read_answer(sock)
    print(result)
    sys.exit(0 if result == 'answered' else 1)


what, arguments = sys.argv[2], sys.argv[3:]
if what == 'silent':
    silent(*arguments)
elif what == 'halting':
    halting(post(arguments[0]), float(arguments[1]))
else:
    load(what, int(arguments[0]), post(arguments[1]), int((arguments[2:] or [0])[0]))
