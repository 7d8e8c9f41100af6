"""How much memory this machine, or the container around this process, has left."""

from pathlib import Path

_MACHINE = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


def available(machine: Path = _MACHINE, container: Path = _CONTAINER) -> int:
    """Bytes that can be had without anything else having to leave; files that are cached can."""
    free = _told(machine)["MemAvailable:"] << 10
    limit = container / "memory.max"
    if not limit.exists() or not (most := limit.read_text().strip()).isdigit():
        return free
    cached = _told(container / "memory.stat")["inactive_file"]
    used = int((container / "memory.current").read_text()) - cached
    return max(0, min(free, int(most) - used))


def _told(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}
