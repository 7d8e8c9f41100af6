"""What a process that parses gives up for good: files, network, other processes, memory, time."""

import resource
import signal
from functools import cache
from typing import Final

from kit import system_calls
from services.search.engines.parsing.limits import ParsingLimits

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
_CALLS: Final = {"x86_64": _X86_64, "aarch64": _AARCH64}


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
    system_calls.install(_program())


def preload() -> None:
    """Makes what every fork needs once, before they are forked."""
    if can_filter():
        system_calls.libc()
        _program()


def can_filter() -> bool:
    """Whether this machine's system calls are known here; its kernel may still refuse a filter."""
    return system_calls.can_filter()


@cache
def _program() -> system_calls.Program:
    return system_calls.allow_only(_CALLS)
