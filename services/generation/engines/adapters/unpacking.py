"""The child process that reads what somebody sent: an archive or loose files become adapters."""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from services.generation.engines.adapters.archives import Member, walk
from services.generation.engines.adapters.config import read_config
from services.generation.engines.adapters.header import read_header
from services.generation.engines.adapters.members import adapters_of
from services.generation.engines.adapters.modules import check_ranks, pairs_of
from services.generation.service.adapters.limits import CONFIG, MOST, WEIGHTS


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    """`{"into": folder, "archive": path?}` becomes `{name: {digest, rank, size, folder}}`.

    Without an archive, `into` already holds folders of loose files by name. Raises ValueError.
    """
    into = Path(ask["into"])
    if ask.get("archive"):
        folders = _unpack(Path(ask["archive"]), into)
    else:
        folders = {child.name: child for child in sorted(into.iterdir()) if child.is_dir()}
    return {name: _looked_at(name, folder) for name, folder in folders.items()}


def digest_of(folder: Path) -> str:
    """SHA-256 over the canonical JSON of each file's name and SHA-256."""
    files = {name: _sha256(folder / name) for name in (CONFIG, WEIGHTS)}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _unpack(archive: Path, into: Path) -> dict[str, Path]:
    """Two walks: every name first, then the bytes of what the names chose."""
    sizes: dict[PurePosixPath, int] = {}
    walk(archive, lambda member: sizes.__setitem__(member.path, member.size))
    chosen = adapters_of(sizes)
    targets = {}
    for name, folder in chosen.items():
        (into / name).mkdir(mode=0o700)
        for file, most in MOST.items():
            if sizes[folder / file] > most:
                raise ValueError(f"{folder / file} is larger than {most} bytes")
            targets[folder / file] = into / name / file

    def keep(member: Member) -> None:
        target = targets.get(member.path)
        if target is not None:
            with target.open("xb") as out:
                for piece in member.read():
                    out.write(piece)

    walk(archive, keep)
    return {name: into / name for name in chosen}


def _looked_at(name: str, folder: Path) -> dict[str, Any]:
    try:
        for file, most in MOST.items():
            if not (folder / file).is_file():
                raise ValueError(f"{file} is missing")
            if (folder / file).stat().st_size > most:
                raise ValueError(f"{file} is larger than {most} bytes")
        config = read_config((folder / CONFIG).read_bytes())
        check_ranks(pairs_of(read_header(folder / WEIGHTS)), config)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return {
        "digest": digest_of(folder),
        "rank": config.largest_rank,
        "size": sum((folder / file).stat().st_size for file in MOST),
        "folder": str(folder),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
