#!/usr/bin/python3
"""load.py PORT TOTAL AT-ONCE REQUEST - sends the OCSP request of a file TOTAL times, each on a
connection of its own, and counts the answers. Exit code 0 if none was lost; it gives up after ten.

load.py PORT silent - connects, says nothing, and tells after how many seconds the other side ended.
load.py PORT halting REQUEST SECONDS - waits so long in the middle of its request.
"""
import collections
import concurrent.futures
import socket
import sys
import time

port = int(sys.argv[1])


def post(request):
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
    start = time.monotonic()
    try:
        with connect() as sock:
            sock.sendall(octets)
            result = read_answer(sock)
    except OSError as error:
        result = str(error)
    return result, time.monotonic() - start


def load(total, at_once, octets):
    counts, slowest = collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for result, seconds in pool.map(once, [octets] * total):
            counts[result] += 1
            slowest = max(slowest, seconds)
            if counts.total() - counts['answered'] == 10:
                pool.shutdown(cancel_futures=True)
                break
    print(dict(counts), 'slowest %.2f s' % slowest)
    sys.exit(0 if counts['answered'] == total else 1)


def silent():
    with connect() as sock:
        start = time.monotonic()
        try:
            sock.recv(1000)
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


if sys.argv[2] == 'silent':
    silent()
elif sys.argv[2] == 'halting':
    with open(sys.argv[3], 'rb') as f:
        halting(post(f.read()), float(sys.argv[4]))
else:
    with open(sys.argv[4], 'rb') as f:
        load(int(sys.argv[2]), int(sys.argv[3]), post(f.read()))
