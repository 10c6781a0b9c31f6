#!/usr/bin/python3
"""stolen - a running process, taken over: it makes whatever system call it is told to.

    with Stolen(pid) as s:
        s.call('openat', AT_FDCWD, s.text('/etc/passwd'), os.O_RDONLY)

What its sandbox and its user let it do is then seen from inside, as whoever finds a bug in it would.
Needs root, and x86-64. The process has to sleep in a system call.

    stolen.py PID       has it fork until it can't any more; prints how often, and why no more
"""
import ctypes
import errno
import os
import platform
import signal
import struct
import sys
import time

CALLS = {
    'mmap': 9, 'mprotect': 10, 'socket': 41, 'clone': 56, 'execve': 59, 'kill': 62, 'rename': 82,
    'mkdir': 83, 'link': 86, 'unlink': 87, 'symlink': 88, 'chmod': 90, 'chown': 92,
    'ptrace': 101, 'setuid': 105, 'capset': 126, 'mknod': 133,
    'personality': 135, 'prctl': 157, 'setrlimit': 160, 'chroot': 161, 'mount': 165,
    'init_module': 175, 'keyctl': 250, 'openat': 257, 'unshare': 272, 'perf_event_open': 298,
    'prlimit64': 302, 'open_by_handle_at': 304, 'setns': 308, 'process_vm_readv': 310, 'kcmp': 312,
    'seccomp': 317, 'memfd_create': 319, 'bpf': 321, 'userfaultfd': 323, 'io_uring_setup': 425,
    'pidfd_open': 434, 'pidfd_getfd': 438, 'process_madvise': 440, 'memfd_secret': 447,
}
AT_FDCWD = -100
ATTACH, DETACH, SINGLESTEP, GETREGS, SETREGS, WALL = 16, 17, 9, 12, 13, 0x40000000
REGS = ('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss'
        ' fs_base gs_base ds es fs gs').split()
ARGUMENTS = ('rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9')
SYSCALL = b'\x0f\x05'

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def possible():
    """None, or why nothing can be stolen here."""
    if platform.machine() != 'x86_64':
        return 'processes are taken over on x86-64 only'
    return None if os.getuid() == 0 else 'only root can take a process over'


class Killed(Exception):
    """The kernel ended the process for this call; its argument is the signal's name."""


def _ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), 'ptrace %d' % request)


def _wait(pid):
    status = os.waitpid(pid, WALL)[1]
    if os.WIFSIGNALED(status):
        raise Killed(signal.Signals(os.WTERMSIG(status)).name)
    assert os.WIFSTOPPED(status), 'it ended: %d' % status


class Stolen:
    def __init__(self, pid):
        self.pid, self.alive = pid, True
        end = time.monotonic() + 20
        while True:
            _ptrace(ATTACH, pid)
            _wait(pid)
            self.before = self._registers()
            self.entry = self.before['rip'] - len(SYSCALL)
            with open('/proc/%d/mem' % pid, 'rb', buffering=0) as memory:
                memory.seek(self.entry)
                if memory.read(len(SYSCALL)) == SYSCALL:
                    break
            _ptrace(DETACH, pid)
            assert time.monotonic() < end, 'it does not sleep'
            time.sleep(0.01)
        # far below what it uses of its stack
        self.room = self.before['rsp'] - 16384

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
            try:
                while True:
                    _wait(self.pid)
            except Killed:
                pass

    def _registers(self):
        buf = (ctypes.c_ulong * len(REGS))()
        _ptrace(GETREGS, self.pid, ctypes.addressof(buf))
        return dict(zip(REGS, buf))

    def write(self, at, value):
        with open('/proc/%d/mem' % self.pid, 'r+b', buffering=0) as memory:
            memory.seek(at)
            memory.write(value)

    def octets(self, value):
        """Puts them into its memory; returns where."""
        at = self.room
        self.write(at, value)
        self.room += (len(value) + 15) // 16 * 16
        return at

    def text(self, value):
        return self.octets(os.fsencode(value) + b'\0')

    def pointers(self, *values):
        return self.octets(struct.pack('%dQ' % len(values), *values))

    def call(self, name, *arguments):
        """What the call returns: a number, or the name of an error."""
        regs = dict(self.before, rax=CALLS[name], rip=self.entry, orig_rax=2**64 - 1)
        regs.update(zip(ARGUMENTS, (a % 2**64 for a in arguments)))
        buf = (ctypes.c_ulong * len(REGS))(*(regs[r] for r in REGS))
        _ptrace(SETREGS, self.pid, ctypes.addressof(buf))
        _ptrace(SINGLESTEP, self.pid)
        try:
            _wait(self.pid)
        except Killed:
            self.alive = False
            raise
        result = ctypes.c_long(self._registers()['rax']).value
        return errno.errorcode[-result] if -4096 < result < 0 else result


# again: pause(); goto again
SLEEP_FOR_EVER = bytes.fromhex('b822000000' '0f05' 'ebf7')


def main(pid):
    with Stolen(pid) as process:
        # what its children come to after the call
        process.write(process.entry + len(SYSCALL), SLEEP_FOR_EVER)
        for n in range(200):
            result = process.call('clone', signal.SIGCHLD, 0, 0, 0, 0)
            if isinstance(result, str):
                print(n, result)
                return
        print(n, 'without an end')


if __name__ == '__main__':
    main(int(sys.argv[1]))
