"""How much memory this machine, or the container around this process, has, and has left."""

from pathlib import Path

_MACHINE = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


def available(machine: Path = _MACHINE, container: Path = _CONTAINER) -> int:
    """Bytes that can be had without anything else having to leave; files that are cached can."""
    free = _told(machine)["MemAvailable:"] << 10
    if (most := _limit(container)) is None:
        return free
    cached = _told(container / "memory.stat")["inactive_file"]
    used = int((container / "memory.current").read_text()) - cached
    return max(0, min(free, most - used))


def total(machine: Path = _MACHINE, container: Path = _CONTAINER) -> int:
    """Bytes of the machine, or of the container where it has less."""
    whole, most = _told(machine)["MemTotal:"] << 10, _limit(container)
    return whole if most is None else min(whole, most)


def _limit(container: Path) -> int | None:
    file = container / "memory.max"
    told = file.read_text().strip() if file.exists() else ""
    return int(told) if told.isdigit() else None


def _told(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}
