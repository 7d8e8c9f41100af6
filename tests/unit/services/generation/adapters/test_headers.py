"""Hostile safetensors: every header that is not exactly right is refused before it is used."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from services.generation.engines.adapters.header import read_header
from tests.unit.services.generation.adapters.making import weights, with_header

GOOD = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}


def read(path: Path, header: Any, body: bytes = bytes(16)) -> dict[str, Any]:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = path / "file.safetensors"
    path.write_bytes(with_header(raw, body))
    return read_header(path)


def tensor(**members: Any) -> dict[str, Any]:
    return {"a": {**GOOD["a"], **members}}


def test_a_good_file_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "good.safetensors"
    path.write_bytes(weights())
    with safe_open(path, "numpy") as file:
        theirs = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    assert {name: tensor.shape for name, tensor in read_header(path).items()} == theirs


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "header"),
        (b"[]", "object"),
        (b" {}", "object"),
        (b"{", "JSON"),
        (b"\xff\xfe", "UTF-8|JSON"),
        (b"[" * 100_000, "nested|JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": {}, "a": {}}', "twice"),
        ({"__metadata__": {"x": 1}, **GOOD}, "metadata"),
        ({"__metadata__": [], **GOOD}, "metadata"),
        ({"a": {"dtype": "F32", "shape": [4]}}, "data_offsets"),
        ({"a": [1]}, "data_offsets"),
        ({"\ud800.lora_A.weight": GOOD["a"]}, "surrogate"),
        ({"__metadata__": {"x": "\ud800"}, **GOOD}, "surrogate"),
        ({"a\n": GOOD["a"]}, "printed"),
        ({"a" * 501: GOOD["a"]}, "500 characters"),
        (tensor(more=1), "nothing else"),
        (tensor(dtype="PICKLE"), "type"),
        (tensor(dtype="I64", shape=[2]), "type"),
        (tensor(dtype=["F32"]), "type"),
        (tensor(shape=[-1, -4]), "shape"),
        (tensor(shape=[2.0, 2]), "shape"),
        (tensor(shape=[True, 4]), "shape"),
        (tensor(shape="22"), "shape"),
        (tensor(shape=[1] * 9 + [4]), "shape"),
        (tensor(shape=[1 << 62]), "shape"),
        (tensor(data_offsets=[16, 0]), "offsets"),
        (tensor(data_offsets=[-16, 0]), "offsets"),
        (tensor(data_offsets=[0, 16, 32]), "offsets"),
        (tensor(data_offsets=[0, "16"]), "offsets"),
        (tensor(shape=[2, 3]), "bytes"),
        (tensor(shape=[4, 2], data_offsets=[0, 32]), "end before or after"),
        (tensor(shape=[2, 1], data_offsets=[8, 16]), "gap"),
        (tensor(shape=[2, 1], data_offsets=[0, 8]), "end before or after"),
        ({**GOOD, "b": GOOD["a"]}, "overlap"),
        ({**GOOD, "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, "overlap"),
    ],
)
def test_a_header_that_is_not_exactly_right_is_refused(
    tmp_path: Path, header: Any, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, header)


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, 1 << 20, 9])
def test_a_header_that_says_it_is_longer_than_the_file_is_refused(
    tmp_path: Path, length: int
) -> None:
    path = tmp_path / "long"
    path.write_bytes(length.to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="longer than the file"):
        read_header(path)


_NUMBERS = st.integers(-2, 40) | st.just(1 << 70) | st.booleans() | st.floats() | st.none()
_TENSORS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "BF16", "I8", "x"]),
        "shape": st.lists(_NUMBERS | st.integers(0, 6), max_size=3),
        "data_offsets": st.lists(_NUMBERS | st.integers(0, 24), min_size=1, max_size=3),
    }
)


@given(
    header=st.dictionaries(st.text(max_size=4), _TENSORS | st.integers(), max_size=3),
    body=st.binary(max_size=24),
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_let_through_covers_the_file_and_no_more(
    tmp_path: Path, header: dict[str, Any], body: bytes
) -> None:
    try:
        found = read(tmp_path, header, body)
    except ValueError:
        return
    size = (tmp_path / "file.safetensors").stat().st_size
    spans = sorted((one.start, one.end) for one in found.values())
    assert all(0 < start <= end <= size for start, end in spans)
    assert sum(end - start for start, end in spans) == len(body)
    for one in found.values():
        assert math.prod(one.shape) * {"F32": 4, "F16": 2, "BF16": 2}[one.dtype] == (
            one.end - one.start
        )


@given(data=st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: with_header(b, b"")))
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_refused_or_the_library_reads_them_too(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "random"
    path.write_bytes(data)
    try:
        read_header(path)
    except ValueError:
        return
    with safe_open(path, "numpy") as file:
        file.keys()
