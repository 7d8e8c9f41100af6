"""What a process that parses gives up for good: files, network, other processes, memory, time."""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
from functools import cache
from typing import Final

from services.search.engines.parsing.limits import ParsingLimits

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000
_ALLOW: Final = 0x7FFF0000
_LOAD: Final = 0x20  # a word of the system call's description
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06

# Memory, the socket that is already open, clocks, signals of its own, and the end: nothing else.
# No call here opens, connects, forks, executes or signals another process.
_X86_64: Final = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10,
    "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "sched_yield": 24, "mremap": 25, "madvise": 28, "setitimer": 38, "getpid": 39, "exit": 60,
    "gettimeofday": 96, "gettid": 186, "futex": 202, "clock_gettime": 228, "exit_group": 231,
    "getrandom": 318,
}  # fmt: skip
_AARCH64: Final = {
    "close": 57, "lseek": 62, "read": 63, "write": 64, "fstat": 80, "exit": 93, "exit_group": 94,
    "futex": 98, "setitimer": 103, "clock_gettime": 113, "sched_yield": 124, "rt_sigaction": 134,
    "rt_sigprocmask": 135, "rt_sigreturn": 139, "gettimeofday": 169, "getpid": 172, "gettid": 178,
    "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
    "getrandom": 278,
}  # fmt: skip
_MACHINES: Final = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def set_limits(limits: ParsingLimits) -> None:
    """Kernel limits of this process; passing one ends it or raises MemoryError."""
    cpu = int(limits.seconds) + 1
    for name, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))


def start_clock(seconds: float) -> None:
    """The kernel ends this process at the time limit, whatever code it is in."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def stop_clock() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


def forbid_system_calls() -> None:
    """From here on every call but the listed ones fails with EPERM; cannot be undone.

    Raises OSError where the kernel or the machine has no such filter.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(_program()))


def preload() -> None:
    """Makes what every fork needs once, before they are forked."""
    if can_filter():
        _libc()
        _program()


def can_filter() -> bool:
    """Whether this machine's system calls are known here; its kernel may still refuse a filter."""
    return sys.platform.startswith("linux") and platform.machine() in _MACHINES


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    return libc


@cache
def _program() -> _Program:
    """A classic BPF program: the right architecture, then a jump per allowed number."""
    architecture, calls = _MACHINES[platform.machine()]
    numbers = sorted(calls.values())
    code = [
        _instruction(_LOAD, 4),
        _instruction(_JUMP_IF_EQUAL, architecture, then=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, 0),
    ]
    for at, number in enumerate(numbers):
        code.append(_instruction(_JUMP_IF_EQUAL, number, then=len(numbers) - at))
    code.append(_instruction(_RETURN, _ERRNO | errno.EPERM))
    code.append(_instruction(_RETURN, _ALLOW))
    return _Program(len(code), b"".join(code))


def _instruction(operation: int, operand: int, *, then: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, then, 0, operand)


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc().prctl(option, first, second, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
