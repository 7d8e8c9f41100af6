"""Filters of system calls: what a process gives up for good, itself and whatever it starts."""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Mapping
from functools import cache
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000
_ALLOW: Final = 0x7FFF0000
_LOAD: Final = 0x20  # a word of the system call's description
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_OTHER_ABI: Final = 0x40000000  # x86-64 has every call a second time from here on

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REACHING_OUT: Final = {
    "x86_64": {
        "socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46, "bind": 49, "execve": 59,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "execveat": 322,
        "io_uring_setup": 425,
    },
    "aarch64": {
        "ptrace": 117, "socket": 198, "bind": 200, "connect": 203, "sendto": 206, "sendmsg": 211,
        "execve": 221, "process_vm_readv": 270, "process_vm_writev": 271, "execveat": 281,
        "io_uring_setup": 425,
    },
}  # fmt: skip


class Program(ctypes.Structure):
    """A classic BPF program."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def can_filter() -> bool:
    """Whether this machine's system calls are known here; its kernel may still refuse a filter."""
    return sys.platform.startswith("linux") and platform.machine() in _ARCHITECTURES


def allow_only(calls: Mapping[str, Mapping[str, int]]) -> Program:
    """Every call but these, by machine and name, fails with EPERM."""
    numbers = sorted(calls[platform.machine()].values())
    code = [
        _instruction(_JUMP_IF_EQUAL, number, then=len(numbers) - at)
        for at, number in enumerate(numbers)
    ]
    return _program([*code, _refuse(), _instruction(_RETURN, _ALLOW)])


def forbid_reaching_out() -> None:
    """From here on this process opens no network, starts no program and looks into no other.

    Raises OSError where the kernel or the machine has no such filter.
    """
    if not can_filter():
        raise OSError(errno.ENOSYS, "no system call filter on this machine")
    numbers = sorted(_REACHING_OUT[platform.machine()].values())
    code = [_instruction(_JUMP_IF_AT_LEAST, _OTHER_ABI, then=len(numbers) + 1)]
    code += [
        _instruction(_JUMP_IF_EQUAL, number, then=len(numbers) - at)
        for at, number in enumerate(numbers)
    ]
    install(_program([*code, _instruction(_RETURN, _ALLOW), _refuse()]))


def install(program: Program) -> None:
    """Cannot be undone. Raises OSError."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


@cache
def libc() -> ctypes.CDLL:
    """Loaded once, before a fork that can open no file."""
    loaded = ctypes.CDLL(None, use_errno=True)
    loaded.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    return loaded


def _program(code: list[bytes]) -> Program:
    """The right architecture, then the rules, which see the call's number."""
    architecture = _ARCHITECTURES[platform.machine()]
    start = [
        _instruction(_LOAD, 4),
        _instruction(_JUMP_IF_EQUAL, architecture, then=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, 0),
    ]
    return Program(len(start) + len(code), b"".join([*start, *code]))


def _refuse() -> bytes:
    return _instruction(_RETURN, _ERRNO | errno.EPERM)


def _instruction(operation: int, operand: int, *, then: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, then, 0, operand)


def _prctl(option: int, first: int, second: int = 0) -> None:
    if libc().prctl(option, first, second, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
