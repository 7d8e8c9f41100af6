"""Brings what a source names into a folder of ours, in pieces and up to a size."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.generation.adapters import (
    FolderSource,
    HubSource,
    ObjectSource,
    Source,
    StagedSource,
)
from kit.auth.principal import Principal
from kit.auth.scopes import require
from kit.errors import InvalidRequest, NotFound, PayloadTooLarge
from kit.objects.arns import arn
from kit.objects.ports import ByteStream
from kit.objects.staging import Staged
from kit.objects.store import ObjectStore
from services.generation.ports import Hub
from services.generation.service.adapters.limits import (
    CONFIG,
    MOST,
    MOST_ADAPTERS,
    MOST_ARCHIVE,
    MOST_KEYS,
    PICKLES,
    WEIGHTS,
)


def told(source: Source) -> str:
    """The source as its owner would write it down."""
    match source:
        case ObjectSource():
            return source.uri
        case FolderSource():
            return f"folder:{source.name}"
        case HubSource():
            return f"hub:{source.repository}@{source.revision}"
        case StagedSource():
            return "upload"


class Fetching:
    """`fetch` leaves an archive, or folders of loose files by the adapter's name."""

    def __init__(self, objects: ObjectStore, folders: Sequence[Path], hub: Hub) -> None:
        """`folders` are those whose children the operator lets every tenant register."""
        self._objects, self._hub = objects, hub
        self._folders = [folder.resolve() for folder in folders]

    async def fetch(self, who: Principal, source: Source, into: Path) -> Path | None:
        """The archive's path within `into`; None where loose files lie in `into/files`."""
        (into / "files").mkdir()
        match source:
            case StagedSource():
                stream = await self._objects.staging.open(Staged(source.blob, source.size))
                return await _save(stream, into / "archive", MOST_ARCHIVE)
            case ObjectSource():
                return await self._from_objects(who, source.uri, into)
            case FolderSource():
                await asyncio.to_thread(self._from_folder, source.name, into / "files")
            case HubSource():
                target = into / "files" / source.repository.rpartition("/")[2][:63]
                target.mkdir()
                await self._hub.fetch(source.repository, source.revision, target)
        return None

    async def _from_objects(self, who: Principal, uri: str, into: Path) -> Path | None:
        """An object is an archive; a key that is none is a prefix with the two files."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        require(who.scopes, "s3:GetObject", arn(bucket, key))
        if not key.endswith("/"):
            try:
                reading = await self._objects.open(who.tenant, bucket, key)
            except NotFound:
                pass
            else:
                return await _save(reading.chunks, into / "archive", MOST_ARCHIVE)
        prefix = key if key.endswith("/") else f"{key}/"
        require(who.scopes, "s3:ListObjectsV2", arn(bucket))
        require(who.scopes, "s3:GetObject", arn(bucket, f"{prefix}*"))
        await self._from_prefix(who, bucket, prefix, into / "files")
        return None

    async def _from_prefix(self, who: Principal, bucket: str, prefix: str, into: Path) -> None:
        keys = await self._keys(who, bucket, prefix)
        folders = sorted(
            {key.rpartition("/")[0] for key in keys if key.endswith((CONFIG, WEIGHTS))}
        )
        if len(folders) > MOST_ADAPTERS:
            raise InvalidRequest(
                f"There are {len(folders)} adapters; at most {MOST_ADAPTERS} are read.",
                param="source",
            )
        if not folders:
            _refuse_pickles(keys)
            raise NotFound(
                f"There is neither an archive nor a {CONFIG} at s3://{bucket}/{prefix}.",
                param="source",
            )
        for folder in folders:
            target = into / (folder.rpartition("/")[2][:63] or "adapter")
            _refuse_pickles(key for key in keys if key.rpartition("/")[0] == folder)
            if target.name in (".", "..") or target.exists():
                raise InvalidRequest(f"{folder} is no name for an adapter.", param="source")
            target.mkdir()
            for file, most in MOST.items():
                if f"{folder}/{file}" in keys:
                    reading = await self._objects.open(who.tenant, bucket, f"{folder}/{file}")
                    await _save(reading.chunks, target / file, most)

    async def _keys(self, who: Principal, bucket: str, prefix: str) -> set[str]:
        keys = set[str]()
        async for info in self._objects.listing.every(who.tenant, bucket, prefix):
            keys.add(info.key)
            if len(keys) > MOST_KEYS:
                raise InvalidRequest(
                    f"There are more than {MOST_KEYS} objects at s3://{bucket}/{prefix}; put the "
                    "adapter where less lies beside it.",
                    param="source",
                )
        return keys

    def _from_folder(self, name: str, into: Path) -> None:
        """`name` is one part of a path, by its contract; a link that leads elsewhere is none."""
        for root in self._folders:
            folder = (root / name).resolve()
            if folder.parent == root and folder.is_dir():
                _refuse_pickles(path.name for path in folder.iterdir())
                _copy(folder, into / name)
                return
        raise NotFound(
            f"There is no adapter folder {name} that the operator allows "
            "(GENERATION_ADAPTER_FOLDERS).",
            param="source",
        )


def _copy(folder: Path, target: Path) -> None:
    target.mkdir()
    for file, most in MOST.items():
        try:
            source = os.open(folder / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise InvalidRequest(f"{folder.name}/{file} cannot be read.", param="source") from error
        with os.fdopen(source, "rb") as reading, (target / file).open("xb") as writing:
            left = most
            while piece := reading.read(1 << 20):
                left -= len(piece)
                if left < 0:
                    raise PayloadTooLarge(f"{file} is larger than {most} bytes.")
                writing.write(piece)


def _refuse_pickles(names: Iterable[str]) -> None:
    for name in names:
        if name.rpartition("/")[2].startswith("adapter_model.") and name.endswith(PICKLES):
            raise InvalidRequest(
                f"{name.rpartition('/')[2]} is a pickle, which can run code when it is read: "
                f"convert it to {WEIGHTS} (PEFT's save_pretrained writes it) and remove it.",
                param="source",
            )


async def _save(stream: ByteStream, path: Path, most: int) -> Path:
    """Raises PayloadTooLarge as soon as it is."""
    left = most
    try:
        with path.open("xb") as file:
            async for piece in stream:
                left -= len(piece)
                if left < 0:
                    raise PayloadTooLarge(f"{path.name} is larger than {most} bytes.")
                await asyncio.to_thread(file.write, piece)
    finally:
        await stream.aclose()
    return path
