"""Whatever a body says, a family reads it or refuses it by name: nothing else comes of it."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.generation.requests import ChatRequest, CompletionRequest
from dialects.bedrock.families import embedding_dialect, text_dialect
from dialects.body import read_body
from kit.errors import InvalidRequest
from tests.unit.dialects.bedrock.payloads import BLOCKS, CLAUDE, FAMILIES, WEATHER, Family

EVERY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)

WORDS = st.sampled_from(["user", "assistant", "text", "auto", "txt", "png"])
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
NAMES = st.text(min_size=1, max_size=9)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=9,
)

TEXT = {"type": "text", "text": "a"}
PIXELS = {"type": "base64", "media_type": "image/png", "data": "aaaa"}
FULL: dict[str, dict[str, Any]] = {name: family.body for name, family in FAMILIES.items()} | {
    "claude": CLAUDE
    | {
        "system": [{"type": "text", "text": "a"}],
        "tools": [{"name": "weather", "description": "a", "input_schema": WEATHER}],
        "tool_choice": {"type": "tool", "name": "weather"},
        "top_k": 3,
        "stop_sequences": ["a"],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": [TEXT]},
                    {"type": "image", "source": PIXELS},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "a", "name": "a", "input": {}}],
            },
        ],
    },
    "converse": BLOCKS
    | {
        "system": [{"text": "a"}],
        "inferenceConfig": {"maxTokens": 3, "stopSequences": ["a"]},
        "additionalModelRequestFields": {"top_k": 3},
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}}],
            "toolChoice": {"tool": {"name": "weather"}},
        },
    },
    "command-r": {
        "message": "a",
        "chat_history": [{"role": "USER", "message": "a"}],
        "documents": [{"title": "a", "snippet": "b"}],
        "tools": [{"name": "a", "parameter_definitions": {"b": {"type": "str", "required": True}}}],
        "tool_results": [{"call": {"name": "a", "parameters": {}}, "outputs": [{"a": 1}]}],
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of every member and item within."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [(*path, key) for key, _ in pairs] if isinstance(value, dict | list) else []
    return inner + [deeper for one in inner for deeper in places(_at(value, one, path), one)]


def _at(value: Any, place: tuple[Any, ...], path: tuple[Any, ...]) -> Any:
    found = value[place[len(path)]]
    return found if isinstance(found, dict | list) else {}


@EVERY
@settings(max_examples=60)
@given(data=st.data())
def test_a_body_with_anything_in_one_place_is_read_or_refused(
    family: Family, data: st.DataObject
) -> None:
    full = FULL[next(name for name, one in FAMILIES.items() if one is family)]
    place = data.draw(st.sampled_from(places(full)))
    body = deepcopy(full)
    within: Any = body
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = data.draw(JSON)
    _read(family, body)


@EVERY
@settings(max_examples=30)
@given(body=st.dictionaries(NAMES, JSON, max_size=4))
def test_any_object_is_read_or_refused(family: Family, body: dict[str, Any]) -> None:
    _read(family, body)
    _read(family, family.body | body)


def _read(family: Family, body: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        asked = family.dialect.read(family.model, read_body(orjson.dumps(body)))
        assert isinstance(asked, ChatRequest | CompletionRequest)
        asked.model_dump_json()


@pytest.mark.parametrize("model", ["amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"])
@settings(max_examples=60)
@given(
    body=st.dictionaries(
        st.sampled_from(["inputText", "texts", "input_type", "dimensions", "embeddingTypes"]), JSON
    )
)
def test_any_object_is_embedded_or_refused(model: str, body: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        embedding_dialect(model).read(model, body).model_dump_json()


@pytest.mark.parametrize("depth", [70, 300, 900])
@pytest.mark.parametrize("member", ["schema", "input"])
def test_json_that_is_nested_too_deeply_is_refused(depth: int, member: str) -> None:
    nested: dict[str, Any] = {}
    for _ in range(depth):
        nested = {"a": nested}
    used = {"type": "tool_use", "id": "a", "name": "a", "input": nested}
    said = {"role": "assistant", "content": [used]}
    tool = {"name": "a", "input_schema": nested}
    body = CLAUDE | ({"tools": [tool]} if member == "schema" else {"messages": [said]})
    with pytest.raises(InvalidRequest, match=member):
        text_dialect(FAMILIES["claude"].model).read("m", body)
