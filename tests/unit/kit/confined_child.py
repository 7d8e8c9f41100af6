"""What the tests of confined processes let one try."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    return {"said": _DOES[ask["do"]](ask)}


def _echo(ask: dict[str, Any]) -> object:
    return ask["text"]


def _size(_: dict[str, Any]) -> object:
    return len(sys.stdin.buffer.read())


def _first(_: dict[str, Any]) -> object:
    return sys.stdin.buffer.read(1).decode()


def _refuse(_: dict[str, Any]) -> object:
    raise ValueError("it is not to my taste")


def _print(_: dict[str, Any]) -> object:
    os.write(1, b"noise")
    return "quiet"


def _environment(_: dict[str, Any]) -> object:
    return sorted(name for name in os.environ if not name.startswith("LC_"))


def _network(_: dict[str, Any]) -> object:
    return _tried(lambda: socket.create_connection(("127.0.0.1", 9), timeout=1))


def _unix(_: dict[str, Any]) -> object:
    return _tried(lambda: socket.socket(socket.AF_UNIX))


def _program(_: dict[str, Any]) -> object:
    return _tried(lambda: os.execv("/bin/true", ["true"]))


def _fork(_: dict[str, Any]) -> object:
    return _tried(lambda: subprocess.run(["/bin/true"], check=True))


def _write(ask: dict[str, Any]) -> object:
    try:
        with Path(ask["path"]).open("wb", buffering=0) as file:
            left = ask["size"]
            while left:
                left -= file.write(bytes(left)) or 0
    except OSError:
        return "OSError"
    return "written"


def _memory(_: dict[str, Any]) -> object:
    return len(bytes(2 << 30))


def _sleep(_: dict[str, Any]) -> object:
    time.sleep(60)
    return None


def _crash(_: dict[str, Any]) -> object:
    return 1 // 0


def _count(ask: dict[str, Any]) -> object:
    while True:
        Path(ask["path"]).write_text(str(time.time()))
        time.sleep(0.02)


def _interpreter(_: dict[str, Any]) -> object:
    return [sys.executable, os.environ["X"]]


def _tried(work: Any) -> str:
    try:
        work()
    except OSError as error:
        return type(error).__name__
    return "done"


_DOES = {
    "echo": _echo,
    "size": _size,
    "first": _first,
    "refuse": _refuse,
    "print": _print,
    "environment": _environment,
    "network": _network,
    "unix socket": _unix,
    "program": _program,
    "fork and program": _fork,
    "write": _write,
    "memory": _memory,
    "sleep": _sleep,
    "crash": _crash,
    "count": _count,
    "interpreter": _interpreter,
}
