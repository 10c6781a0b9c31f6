"""tap - tests that report in the Test Anything Protocol.

Every test is one function and one line of the report. A test fails by raising: a failed assert,
or anything else. What it printed or raised follows as comments.
"""
import signal
import sys
import time
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; its text says why."""


_tests = []


def test(name):
    """Decorator: registers a function as a test."""
    def register(function):
        add(name, function)
        return function
    return register


def add(name, function, *args):
    """Registers function(*args) as a test."""
    _tests.append((name, function, args))


def skip(reason):
    raise Skip(reason)


def note(text):
    """A comment in the report."""
    for line in str(text).splitlines():
        print('#', line)


def equal(got, want, what=''):
    assert got == want, '%sgot %r, want %r' % (what and what + ': ', got, want)


def contains(text, part, what=''):
    assert part in text, '%s%r is not in %r' % (what and what + ': ', part, text)


def _one(number, name, function, args):
    start = time.monotonic()
    try:
        function(*args)
    except Skip as reason:
        print('ok %d - %s # SKIP %s' % (number, name, reason))
        return True
    except Exception:
        print('not ok %d - %s' % (number, name))
        note(traceback.format_exc())
        return False
    print('ok %d - %s' % (number, name))
    if time.monotonic() - start > 2:
        note('took %.1f s' % (time.monotonic() - start))
    return True


def run(cleanup=None):
    """Runs all tests that were registered and exits. With arguments on the command line, those
    tests only whose name contains one of them. cleanup() is called whatever happens."""
    sys.stdout.reconfigure(line_buffering=True, errors='backslashreplace')
    # a test that takes too long is ended like this, and has to clean up as well
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    words = sys.argv[1:]
    chosen = [t for t in _tests if not words or any(w in t[0] for w in words)]
    print('1..%d' % len(chosen))
    try:
        results = [_one(i, *t) for i, t in enumerate(chosen, 1)]
    finally:
        if cleanup:
            cleanup()
    sys.exit(0 if all(results) else 1)
