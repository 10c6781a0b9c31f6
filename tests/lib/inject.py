"""inject - system calls that fail, one at a time: a program is run under strace, which makes the
Nth call of a name fail with an error of our choice, for one N after the other.

    run(strace(folder, follow) + command)
    for fault in Calls(traces(folder)).faults(every=True):
        run(strace(folder, follow, fault) + command)
        print(injected(traces(folder)))

Only what a program does after its start is counted: that the loader ends a program which it cannot
load is nothing of ours.
"""
import collections
import glob
import os
import re
import shutil
import subprocess
import sys
import time

import ocsp
import tap
from responder import BUILD

# What a call may say (its manual), and what an operator may meet.
ERRORS = {
    'accept4': ('EMFILE', 'ENFILE', 'ENOMEM', 'ECONNABORTED', 'EINTR'),
    'access': ('EIO', 'ENOMEM'),
    'bind': ('EADDRINUSE', 'EACCES'),
    'brk': ('ENOMEM',),
    'chdir': ('EIO', 'EACCES'),
    'clone': ('EAGAIN', 'ENOMEM'),
    'clone3': ('EAGAIN', 'ENOMEM'),
    'close': ('EIO', 'EINTR'),
    'connect': ('ECONNREFUSED', 'ETIMEDOUT', 'EAGAIN', 'EINTR', 'EADDRNOTAVAIL'),
    'dup2': ('EMFILE', 'EBUSY', 'EINTR'),
    'epoll_create1': ('EMFILE', 'ENOMEM'),
    'execve': ('ENOMEM', 'E2BIG', 'EIO'),
    'faccessat': ('EIO', 'ENOMEM'),
    'faccessat2': ('EIO', 'ENOMEM'),
    'fallocate': ('ENOSPC', 'EIO'),
    'fchmod': ('EIO', 'EROFS'),
    'fchown': ('EPERM', 'EIO'),
    'fcntl': ('ENOLCK', 'EMFILE', 'EINTR', 'EAGAIN'),
    'fdatasync': ('EIO', 'ENOSPC'),
    'fork': ('EAGAIN', 'ENOMEM'),
    'fstat': ('EIO', 'ENOMEM'),
    'fsync': ('EIO', 'ENOSPC'),
    'ftruncate': ('EIO', 'ENOSPC'),
    'getcwd': ('ENOMEM', 'EACCES'),
    'getdents64': ('EIO', 'ENOMEM'),
    'getpeername': ('ENOTCONN', 'ENOBUFS'),
    'getrandom': ('EAGAIN', 'ENOSYS', 'EINTR'),
    'getsockname': ('ENOBUFS',),
    'getsockopt': ('ENOBUFS',),
    'ioctl': ('EIO', 'ENOTTY'),
    'landlock_add_rule': ('ENOMEM', 'EINVAL'),
    'landlock_create_ruleset': ('ENOSYS', 'EMFILE', 'ENOMEM'),
    'landlock_restrict_self': ('EPERM', 'E2BIG'),
    'linkat': ('EIO', 'ENOSPC', 'EMLINK'),
    'lseek': ('EIO', 'EINVAL'),
    'lstat': ('EIO', 'ENOMEM'),
    'mkdir': ('ENOSPC', 'EROFS', 'EACCES'),
    'mkdirat': ('ENOSPC', 'EROFS', 'EACCES'),
    'mmap': ('ENOMEM',),
    'mprotect': ('ENOMEM',),
    'mremap': ('ENOMEM',),
    'munmap': ('ENOMEM',),
    'newfstatat': ('EIO', 'ENOMEM', 'EACCES'),
    'open': ('EMFILE', 'ENFILE', 'EIO', 'ENOMEM', 'EACCES', 'EINTR'),
    'openat': ('EMFILE', 'EIO', 'ENOSPC', 'ENFILE', 'ENOMEM', 'EACCES', 'EINTR'),
    'pipe2': ('EMFILE', 'ENFILE'),
    'poll': ('EINTR', 'ENOMEM'),
    'ppoll': ('EINTR', 'ENOMEM'),
    'prctl': ('EPERM', 'EINVAL', 'ENOMEM'),
    'pread64': ('EIO', 'EINTR'),
    'prlimit64': ('EPERM',),
    'pselect6': ('EINTR', 'ENOMEM'),
    'pwrite64': ('ENOSPC', 'EIO', 'EINTR'),
    'read': ('EIO', 'EINTR', 'ENOMEM'),
    'readlink': ('EIO', 'EACCES'),
    'recvfrom': ('ECONNRESET', 'EINTR', 'EAGAIN', 'ENOMEM'),
    'recvmsg': ('ECONNRESET', 'EINTR', 'EAGAIN', 'ENOMEM'),
    'rename': ('ENOSPC', 'EIO', 'EROFS'),
    'renameat': ('ENOSPC', 'EIO', 'EROFS'),
    'renameat2': ('ENOSPC', 'EIO', 'EROFS'),
    'rmdir': ('EIO', 'EBUSY'),
    'seccomp': ('EINVAL', 'ENOMEM', 'EACCES'),
    'sendmsg': ('EPIPE', 'EINTR', 'EAGAIN', 'ENOBUFS'),
    'sendto': ('EPIPE', 'EINTR', 'EAGAIN', 'ENOBUFS'),
    'setgroups': ('EPERM', 'ENOMEM'),
    'setresgid': ('EPERM',),
    'setresuid': ('EAGAIN', 'EPERM'),
    'setsockopt': ('ENOBUFS', 'ENOPROTOOPT'),
    'shutdown': ('ENOTCONN', 'ENOBUFS'),
    'socket': ('EMFILE', 'ENFILE', 'ENOBUFS', 'EAFNOSUPPORT'),
    'socketpair': ('EMFILE', 'ENFILE', 'ENOMEM'),
    'stat': ('EIO', 'ENOMEM'),
    'statfs': ('EIO', 'ENOMEM'),
    'statx': ('EIO', 'ENOMEM'),
    'unlink': ('EIO', 'EROFS', 'EBUSY'),
    'unlinkat': ('EIO', 'EROFS', 'EBUSY'),
    'utimensat': ('EIO', 'EROFS', 'EPERM'),
    'vfork': ('EAGAIN', 'ENOMEM'),
    'wait4': ('EINTR', 'ECHILD'),
    'write': ('ENOSPC', 'EIO', 'EINTR'),
    'writev': ('ENOSPC', 'EIO', 'EINTR', 'EPIPE'),
}

# Errors that stay: then all the calls from the Nth on fail.
LASTING = ('EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EROFS', 'EIO')

# What the loader asks for, and libc's own start: on a failure there they end the program. What a
# sanitizer asks for, as well.
MEMORY = ('brk', 'mmap', 'mprotect', 'mremap', 'munmap')

# What each program does first: it looks whether there are descriptors 0, 1 and 2. ocspctl has no
# need to; there it is the loader's last call.
START = re.compile(r'^(?:newfstatat|fstat)\(0[<,]')
LOADED = re.compile(r'^munmap\(')

Fault = collections.namedtuple('Fault', 'call nth error lasting')
ALLOCATION = 'allocation'
NO_ALLOCATION = Fault(ALLOCATION, 0, '', False)


def is_removal(fault):
    return fault.call in ('unlink', 'unlinkat')


def text_of(fault):
    lasting = ' and all later' if fault.lasting else ''
    return '%s %s %d%s' % (fault.error, fault.call, fault.nth, lasting)


def needs_strace():
    if not shutil.which('strace'):
        tap.skip('there is no strace')
    done = subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True, text=True)
    if done.returncode:
        tap.skip('no process may be traced here: ' + done.stderr.strip())


def strace(folder, follow, fault=None):
    """The words before a command. With follow its children are traced too, each into a file."""
    words = ['strace', '-y', '-o', os.path.join(folder, 'trace')]
    if follow:
        words += ['-ff', '--seccomp-bpf']
    if fault:
        # brk has no errors: it returns the end that the heap has
        what = 'retval=0' if fault.call == 'brk' else 'error=' + fault.error
        words += ['-e', 'trace=' + fault.call, '-e', 'inject=%s:%s:when=%d%s' % (
            fault.call, what, fault.nth, '+' if fault.lasting else '')]
    return words


def count_of_allocations(folder):
    with open(os.path.join(folder, 'allocations'), 'rb') as f:
        return int.from_bytes(f.read(), sys.byteorder)


def allocate(folder, program, fault):
    """The words before a command whose Nth allocation fails, or none with 0: see fail-alloc.c."""
    count = os.path.join(folder, 'allocations')
    with open(count, 'wb') as f:
        f.write(bytes(8))
    return ['env', 'LD_PRELOAD=' + os.path.join(BUILD, 'tests', 'lib', 'fail-alloc.so'),
            'FAIL_ALLOC_PROGRAM=' + program, 'FAIL_ALLOC_AT=%d' % fault.nth,
            'FAIL_ALLOC_COUNT=' + count, *(['FAIL_ALLOC_LASTING=yes'] if fault.lasting else []),
            # a sanitizer wants to be the first to be asked
            'ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0']


def words(folder, program, fault=None, follow=True):
    if fault and fault.call == ALLOCATION:
        return allocate(folder, program, fault)
    return strace(folder, follow, fault)


def traces(folder):
    """The lines of each process that was traced; the files are removed."""
    out = []
    for path in glob.glob(os.path.join(folder, 'trace*')):
        with open(path, errors='replace') as f:
            out.append(f.read().splitlines())
        os.unlink(path)
    return out


def hits(folder, fault):
    """What was made to fail, after a run with words()."""
    if fault.call == ALLOCATION:
        reached = count_of_allocations(folder) >= fault.nth
        return ['allocation %d' % fault.nth] if reached else []
    return [line for process in traces(folder) for line in process if line.endswith('(INJECTED)')]


def allocations(folder, every, sample=20):
    """Faults after a run with NO_ALLOCATION: each allocation, by turns once and lasting; or
    so many, spread."""
    total = count_of_allocations(folder)
    assert total, 'nothing was allocated'
    step = 1 if every else max(total // sample, 1)
    for i, n in enumerate(range(1, total + 1, step)):
        yield Fault(ALLOCATION, n, 'ENOMEM', i % 2 == 1)


def is_sanitized(program):
    """Then a run takes several times as long."""
    with open(program, 'rb') as f:
        return b'__asan_init' in f.read()


def numbered(lines):
    """(name, number, line) of each call of one process, numbered as strace does."""
    seen = collections.Counter()
    for line in lines:
        match = re.match(r'(\w+)\(', line)
        if match:
            seen[match.group(1)] += 1
            yield match.group(1), seen[match.group(1)], line


def start(lines):
    """Where, of these lines of one process, the loader's end and the program's begin."""
    starts = [i for i, line in enumerate(lines) if START.match(line)]
    if starts:
        return starts[0]
    return max((i + 1 for i, line in enumerate(lines[:200]) if LOADED.match(line)), default=0)


class Calls:
    """Which calls a program makes, by the traces of a run in which nothing fails."""

    def __init__(self, processes, sanitized=False):
        self.numbers = collections.defaultdict(set)     # of each name
        loading = collections.Counter()                 # of any of the processes
        for lines in processes:
            before = collections.Counter(name for name, _, _ in numbered(lines[:start(lines)]))
            loading |= before
            for name, n, _ in numbered(lines):
                if n > before[name] and name in ERRORS:
                    self.numbers[name].add(n)
        # the Nth call of a process is that of each of the others, too
        for name in MEMORY:
            self.numbers[name] = {n for n in self.numbers[name]
                                  if n > loading[name] and not sanitized}

    def faults(self, every, sample=2, turns=False):
        """Every call with every error, once and lasting; or with turns the errors one after the
        other; or of each name so many calls, spread."""
        for name in sorted(self.numbers):
            errors, numbers = ERRORS[name], sorted(self.numbers[name])
            if not every:
                count = min(sample, len(numbers))
                numbers = [numbers[i * (len(numbers) - 1) // max(count - 1, 1)]
                           for i in range(count)]
            for i, n in enumerate(numbers):
                if every and not turns:
                    yield from (Fault(name, n, error, lasting) for error in errors
                                for lasting in (False, True)[:1 + (error in LASTING)])
                else:
                    error = errors[i % len(errors)]
                    yield Fault(name, n, error, i % 2 == 1 and error in LASTING)


class Tally:
    """How often what came out of it."""

    def __init__(self):
        self.counts, self.wrong, self.longest = collections.Counter(), [], 0.0

    def add(self, outcome, seconds=0.0):
        self.counts[outcome] += 1
        self.longest = max(self.longest, seconds)

    def fault(self, fault, what):
        self.wrong.append('%s: %s' % (text_of(fault) if isinstance(fault, Fault) else fault, what))

    def end(self):
        """Tells, and fails when anything was wrong."""
        tap.note('tried %d: %s; the longest took %.1f s' % (
            sum(self.counts.values()),
            ', '.join('%s %d' % item for item in sorted(self.counts.items())), self.longest))
        assert sum(self.counts.values()), 'nothing was tried'
        assert not self.wrong, '%d wrong:\n%s' % (len(self.wrong), '\n'.join(self.wrong[:40]))


def cache_faults(r, statuses, may_leave=False):
    """What is wrong in a responder's cache: each file has to be a sound answer under its own name,
    with one of the statuses that its serial may have. may_leave: a temporary file may stay, for it
    could not be removed, or its writer was killed; "ocspctl watch" and "purge" remove it later."""
    for path in r.cache_files():
        try:
            with open(path, 'rb') as f:
                response = ocsp.Response(f.read())
            single = response.singles[0]
            serial = '%x' % single.serial
            tap.equal(os.path.basename(path).split('.')[0], '0' * (len(serial) % 2) + serial)
            tap.equal(response.faults(r.ca.certificate), [])
            assert str(response) in statuses[single.serial], str(response)
        except Exception as error:
            yield 'in the cache: %r' % error
    left = [name for _, _, names in os.walk(r.path('cache')) for name in names if '~' in name]
    if left and not may_leave:
        yield 'left in the cache: %s' % left


class Clock:
    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *unused):
        self.seconds = time.monotonic() - self.start
