"""The folder that an exported model lives in: its name, its manifest, its files' hashes."""

import hashlib
import re
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kit.errors import Internal, NotFound
from services.search.engines.embeddings.sources import locate, state

FORMAT: Final = 2
"""Raised whenever the exported graph changes, so that older folders are made anew."""
GRAPH: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
MANIFEST: Final = "manifest.json"

Precision: TypeAlias = Literal["int8", "fp32"]
Pooling: TypeAlias = Literal["mean", "cls"]


class Manifest(BaseModel):
    """What a serving process has to know of an exported model."""

    model_config = ConfigDict(frozen=True)

    format: Literal[2] = 2
    model: str
    precision: Precision
    dimension: Annotated[int, Field(ge=1)]
    sequence: Annotated[int, Field(ge=3)]
    """The longest sequence that the model reads, its special tokens counted."""
    pooling: Pooling
    prompts: dict[str, str] = {}
    """What is put before a text of kind `query` or `document`."""
    cosine: float
    """Mean cosine to the torch model's vectors, on the texts that the export checks itself with."""
    versions: dict[str, str]
    files: dict[str, str]
    """SHA-256 of each file of the folder, in hex."""


def folder_for(cache: Path, model: str, precision: Precision) -> Path:
    """Another model, precision, format or runtime has another folder: none is ever overwritten.

    So do other weights in the same folder.
    """
    parts = (locate(model), precision, str(FORMAT), version("onnxruntime"), state(model))
    key = "\n".join(filter(None, parts))
    slug = re.sub(r"[^a-z0-9]+", "-", Path(model).name.lower()).strip("-")[:40]
    return cache / f"{slug}-{precision}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def read_manifest(folder: Path) -> Manifest:
    """Raises NotFound where nothing is exported, Internal where a file is not as it was written."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise NotFound(
            f"No exported embedding model is in {folder}. Make it with: "
            "python -m services.search.engines.embeddings.export --default --cache FOLDER"
        ) from None
    except ValidationError as error:
        raise Internal(f"{folder / MANIFEST} is not a manifest; delete the folder.") from error
    for name, digest in manifest.files.items():
        if digest_of(folder / name) != digest:
            raise Internal(f"{folder / name} is damaged; delete the folder and export it again.")
    return manifest


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
