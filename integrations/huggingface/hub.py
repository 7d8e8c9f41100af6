"""Models from a Hugging Face hub: safetensors and a tokenizer, checked before they are used."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from kit.disk import RESERVE, usable
from kit.errors import (
    InvalidRequest,
    NotFound,
    PermissionDenied,
    StorageFull,
    Unavailable,
    UpstreamFailed,
)

_TIMEOUT = 10.0  # seconds for a listing; a hub that cannot be reached is told at once
_SUFFIXES = {".safetensors", ".json", ".jinja", ".txt", ".model", ".md"}
"""Weights and text. Pickles and code are not among them, and are never fetched."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """`digest` is hex: sha256 of a large file, else the id that git gives the content."""

    name: str
    size: int
    digest: str
    is_large: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one commit of a repository has of use."""

    repository: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Hub:
    """`HF_ENDPOINT` and `HF_TOKEN` are read by the library itself."""

    def __init__(self) -> None:
        self._api = HfApi(library_name="undercroft")

    def look(self, repository: str) -> Snapshot:
        """Raises NotFound, PermissionDenied, Unavailable; InvalidRequest where only pickles are."""
        with _told(repository):
            info = self._api.model_info(repository, files_metadata=True, timeout=_TIMEOUT)
        files = []
        for one in info.siblings or ():
            digest = one.lfs.sha256 if one.lfs else one.blob_id
            if _is_wanted(one.rfilename) and one.size is not None and digest:
                files.append(RemoteFile(one.rfilename, one.size, digest, one.lfs is not None))
        if not any(file.name.endswith(".safetensors") for file in files):
            raise InvalidRequest(
                f"{repository} has no weights as safetensors. Pickled weights are not loaded, for "
                "they run code; look for a repository that has them converted."
            )
        return Snapshot(repository, str(info.sha), tuple(files))

    def pull(self, snapshot: Snapshot, place: Path) -> None:
        """Fetches beside `place` and renames once every file is as the hub says.

        A pull that is broken off goes on where it was. Raises Unavailable, StorageFull, and
        UpstreamFailed for a file that is not what was promised.
        """
        part = place.with_name(f"{place.name}.part")
        with usable(place.parent):
            part.mkdir(parents=True, exist_ok=True)
            _check_room(part, snapshot.size)
        for file in snapshot.files:
            with _told(snapshot.repository):
                self._api.hf_hub_download(
                    snapshot.repository,
                    file.name,
                    revision=snapshot.commit,
                    local_dir=part,
                    etag_timeout=_TIMEOUT,
                )
            _check(part / file.name, file)
        shutil.rmtree(part / ".cache", ignore_errors=True)
        part.rename(place)


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    if len(path.parts) > 1 or path.name.startswith("."):
        return False  # folders hold other formats of the same weights
    return path.suffix in _SUFFIXES or path.name.upper().startswith(("LICENSE", "NOTICE"))


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + RESERVE:
        raise StorageFull(
            f"The model takes {size / 1e9:.1f} GB and the disk of {folder} has {free / 1e9:.1f} GB "
            "free; free some space or give another folder."
        )


def _check(path: Path, file: RemoteFile) -> None:
    hasher = hashlib.sha256()
    if not file.is_large:
        hasher = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)  # git's own way
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    if path.stat().st_size != file.size or hasher.hexdigest() != file.digest:
        path.unlink()
        raise UpstreamFailed(
            f"{file.name} is not what the hub says that it is ({file.size} bytes with the digest "
            f"{file.digest}). It was thrown away; pull again."
        )


@contextmanager
def _told(repository: str) -> Iterator[None]:
    """The hub's errors as ours, each with what to do."""
    try:
        yield
    except GatedRepoError as error:
        raise PermissionDenied(
            f"{repository} is given only to those who accepted its terms at the hub: accept them "
            "there, then set HF_TOKEN."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise NotFound(f"The hub has no repository {repository}.") from error
    except (httpx2.HTTPError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise Unavailable(
            f"The hub could not be reached for {repository} ({type(error).__name__}). Set "
            "HF_ENDPOINT to a mirror, or copy the folder here yourself and start with "
            "`undercroft up --model NAME=FOLDER`."
        ) from error
