"""The header of a safetensors file, checked strictly before any library sees the file."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.generation.engines.adapters.texts import check_unicode
from services.generation.service.adapters.limits import MOST_HEADER, MOST_TENSORS

SIZES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Bytes of one element: the types that weights of an adapter may have."""
_ALL_SIZES: Final = SIZES | {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2,
    "U32": 4, "I32": 4, "U64": 8, "I64": 8, "C64": 8,
}  # fmt: skip
"""Those that a base model's files may have besides."""
_MOST_DIMENSIONS, _MOST_SIDE = 8, 1 << 40
_MOST_NAME: Final = 500
"""Characters of a tensor's name: several times what the deepest models have."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """`start` and `end` count from the beginning of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_header(path: Path, *, of_base: bool = False) -> dict[str, Tensor]:
    """Every tensor of the file by name. Raises ValueError that says what is wrong.

    The tensors must fill the file after the header without a gap or an overlap.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > size - 8:
            raise ValueError("it is no safetensors file: its header is longer than the file")
        if not of_base and length > MOST_HEADER:
            raise ValueError(f"its header has {length} bytes; at most {MOST_HEADER} are read")
        header = _parse(file.read(length))
    tensors = {
        name: _tensor(name, said, 8 + length, _ALL_SIZES if of_base else SIZES)
        for name, said in header.items()
        if name != "__metadata__"
    }
    _check_metadata(header.get("__metadata__"))
    _check_cover(tensors, 8 + length, size)
    return tensors


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw, object_pairs_hook=_without_repeats, parse_constant=_refuse)
        check_unicode(header)
    except RecursionError as error:
        raise ValueError("its header is nested too deep") from error
    except UnicodeDecodeError as error:
        raise ValueError("its header is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError("its header is not JSON") from error
    if not isinstance(header, dict) or not raw.startswith(b"{"):
        raise ValueError("its header is no JSON object")
    if len(header) > MOST_TENSORS:
        raise ValueError(f"it has more than {MOST_TENSORS} tensors")
    return header


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("its header names something twice")
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"its header has the number {constant}")


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata must be texts by name")


def _tensor(name: str, said: Any, base: int, sizes: dict[str, int]) -> Tensor:
    shown = ascii(name)[:200]
    if len(name) > _MOST_NAME or not name.isprintable():
        raise ValueError(
            f"the tensor {shown} has a name of more than {_MOST_NAME} characters, or with "
            "characters that cannot be printed"
        )
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the tensor {shown} needs dtype, shape and data_offsets, nothing else")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in sizes:
        raise ValueError(
            f"the tensor {shown} has the type {ascii(dtype)[:40]}; use {', '.join(sizes)}"
        )
    if not _counts(shape) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"the tensor {shown} has no usable shape")
    if not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"the tensor {shown} has no usable offsets")
    if math.prod(shape) * sizes[dtype] != offsets[1] - offsets[0]:
        raise ValueError(f"the tensor {shown} has other bytes than its shape and type need")
    return Tensor(dtype, tuple(shape), base + offsets[0], base + offsets[1])


def _counts(value: Any) -> bool:
    """A list of whole numbers from 0; `true` is none."""
    return isinstance(value, list) and all(
        type(number) is int and 0 <= number <= _MOST_SIDE for number in value
    )


def _check_cover(tensors: dict[str, Tensor], start: int, size: int) -> None:
    at = start
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.end)):
        if tensor.start != at:
            what = "overlap" if tensor.start < at else "leave a gap"
            raise ValueError(f"its tensors {what}")
        at = tensor.end
    if at != size:
        raise ValueError("its tensors end before or after the file does")
