"""Which processes live, and in which groups: from /proc, without those that are only not reaped."""

from pathlib import Path


def members(leader: int) -> set[int]:
    """Of the group that this process leads, or led before it ended."""
    return {process for process, group in groups().items() if group == leader}


def guarded(folder: Path) -> set[int]:
    """Model servers whose logs lie in this folder: their guards, and all in the groups of these."""
    leaders = {
        process for process in groups() if f"{folder.resolve()}/".encode() in _command(process)
    }
    return set().union(*map(members, leaders))


def groups() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        if fields[0] != "Z":
            found[int(folder.name)] = int(fields[2])
    return found


def _command(process: int) -> bytes:
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
    return command if b"guard.py" in command else b""
