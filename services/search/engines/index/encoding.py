"""How a chunk lies in a Qdrant store: one list of exact terms, and the raw numbers and strings.

`terms` holds one token for each thing that can be asked exactly, so that one keyword index serves
equality, prefixes and list membership of every key and every type: `text k=v`, `number k=1.5`,
`flag k=true`, `item k=v`. `keys` lists the keys there are, comparisons read `numbers.k`, substrings
read `strings.k`. Keys are spelled in letters that no payload path gives a meaning.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kit.errors import InvalidRequest
from services.search.ports import CollectionSpec, Metadata, MetadataValue, Point

DENSE: Final = "dense"
SPARSE: Final = "text"
DOCUMENT: Final = "document"
VERSION: Final = "version"
KEYS: Final = "keys"
TERMS: Final = "terms"

_COLLECTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]", re.ASCII)


def check_collection(name: str) -> str:
    """The name, if it is one that the server makes; it becomes a folder's or a URL's part."""
    if not _COLLECTION.fullmatch(name):
        raise InvalidRequest(f"{name!r} is not a collection name.", param="collection")
    return name


def safe_key(key: str) -> str:
    """A key in letters, digits, `-` and `_`, one to one: `a.b` becomes `a_2e_b`."""
    return _UNSAFE.sub(lambda found: f"_{ord(found[0]):x}_", key)


def text_term(key: str, text: str) -> str:
    return f"text {safe_key(key)}={text}"


def item_term(key: str, item: str) -> str:
    return f"item {safe_key(key)}={item}"


def scalar_term(key: str, value: MetadataValue) -> str:
    """The token of a string, a number or a boolean; -0.0 and 0.0 share one."""
    if isinstance(value, bool):
        return f"flag {safe_key(key)}={str(value).lower()}"
    if isinstance(value, str):
        return text_term(key, value)
    if isinstance(value, list):
        raise InvalidRequest("A list is not compared with one value.", param=key)
    return f"number {safe_key(key)}={_finite(key, value) + 0.0!r}"


def payload(document: str, version: int, metadata: Metadata) -> dict[str, Any]:
    """What the store keeps beside the vectors. InvalidRequest names a key that cannot be kept."""
    terms: list[str] = []
    numbers: dict[str, float] = {}
    strings: dict[str, str | list[str]] = {}
    for key, value in metadata.items():
        if isinstance(value, list):
            terms.extend(item_term(key, _text(key, item)) for item in value)
        else:
            terms.append(scalar_term(key, value))
        if isinstance(value, str):
            strings[safe_key(key)] = _text(key, value)
        elif isinstance(value, list):
            strings[safe_key(key)] = list(value)
        elif not isinstance(value, bool):
            numbers[safe_key(key)] = float(value)
    return {
        DOCUMENT: document,
        VERSION: version,
        KEYS: [safe_key(key) for key in metadata],
        TERMS: terms,
        "numbers": numbers,
        "strings": strings,
    }


def dense_rows(spec: CollectionSpec, points: Sequence[Point]) -> list[list[float]]:
    """The points' vectors, checked: their ids too, since a store says less of what is wrong."""
    for point in points:
        try:
            UUID(point.id)
        except ValueError:
            raise InvalidRequest(f"{point.id!r} is not a UUID.", param="id") from None
    return [dense_vector(spec, point.vector) for point in points]


def dense_vector(
    spec: CollectionSpec, vector: Sequence[float] | NDArray[np.float32]
) -> list[float]:
    row = np.asarray(vector, dtype=np.float32)
    if row.shape != (spec.dimension,):
        raise InvalidRequest(
            f"The vector has shape {row.shape}; this collection takes {spec.dimension} numbers.",
            param="vector",
        )
    if not np.isfinite(row).all():
        raise InvalidRequest("The vector holds numbers that are not finite.", param="vector")
    values: list[float] = row.tolist()
    return values


def _finite(key: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidRequest("A metadata number must be finite and fit 64 bits.", param=key)
    return number


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidRequest("A metadata list holds strings only.", param=key)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("A metadata string is not valid Unicode.", param=key) from None
    return value
