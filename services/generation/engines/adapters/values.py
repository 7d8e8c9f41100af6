"""What an adapter's numbers are: finite ones, that change something."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from services.generation.engines.adapters.config import AdapterConfig
from services.generation.engines.adapters.header import Tensor
from services.generation.engines.adapters.modules import Pair

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError that names the first tensor with a NaN or an infinity."""
    for name, tensor in tensors.items():
        if not np.isfinite(_read(path, tensor)).all():
            raise ValueError(f"the tensor {ascii(name)[:200]} has a NaN or an infinity")


def effect(path: Path, pairs: Mapping[str, Pair], config: AdapterConfig) -> tuple[float, int]:
    """The Frobenius norm of all that it adds to the base, and how many modules it changes.

    Raises ValueError where it adds nothing.
    """
    total, changed = 0.0, 0
    for module, pair in pairs.items():
        norm = _norm(path, pair) * abs(config.scaling_of(module))
        total, changed = total + norm**2, changed + (norm > 0)
    if not total > 0:
        raise ValueError(
            "it changes nothing: B times A is zero in every module, as before any training"
        )
    return math.sqrt(total), changed


def _norm(path: Path, pair: Pair) -> float:
    """Of B times A, through matrices of rank by rank: ||BA||² = trace(BᵀB · AAᵀ)."""
    a, b = (_read(path, tensor).astype(np.float64) for tensor in (pair.a, pair.b))
    return math.sqrt(max(0.0, float(np.sum((b.T @ b) * (a @ a.T)))))


def _read(path: Path, tensor: Tensor) -> "np.ndarray[Any, np.dtype[Any]]":
    size = (tensor.end - tensor.start) // np.dtype(_KINDS[tensor.dtype]).itemsize
    flat = np.fromfile(path, dtype=_KINDS[tensor.dtype], count=size, offset=tensor.start)
    if tensor.dtype == "BF16":  # the upper half of a float32
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(tensor.shape)
