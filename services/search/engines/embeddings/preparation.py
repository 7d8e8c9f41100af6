"""Makes sure that a model is exported, by a child process, before a server opens it."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Final

from kit.errors import Unavailable
from services.search.engines.embeddings.exported import MANIFEST, Precision, folder_for
from services.search.engines.embeddings.sources import require

_log = logging.getLogger(__name__)
_EXPORT: Final = "services.search.engines.embeddings.export"


async def ensure_exported(model: str, *, cache: Path, precision: Precision = "int8") -> Path:
    """The folder of the exported model, made now (some ten seconds) where it is missing.

    torch is loaded by the child only. Raises InvalidRequest for a source that is not there,
    Unavailable with the child's last words.
    """
    folder = folder_for(cache, model, precision)
    if (folder / MANIFEST).is_file():
        return folder
    require(model)
    _log.info("exporting the embedding model %s; this happens once", model)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _EXPORT,
        "--model", model, "--out", str(folder), "--precision", precision,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        words = said.decode(errors="replace").strip()[-2000:]
        raise Unavailable(f"The embedding model {model} could not be exported: {words}")
    return folder
