"""Callers' JSON schemas are checked by their draft, and nothing that they name is fetched."""

import socket
import time
from typing import Any

import pytest

from dialects.schemas import MOST_OPTIONAL, MOST_PARTS, check_schema
from kit.errors import InvalidRequest

OLD = "http://json-schema.org/draft-07/schema#"
TUPLE: Any = {"items": [{"type": "string"}, {"type": "integer"}]}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": True}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{}]},
        {"$schema": OLD, **TUPLE},
        {"properties": {"next": {"$ref": "#"}}},
        {"$defs": {"a/b": {"$ref": "#/$defs/c"}, "c": {}}, "items": {"$ref": "#/$defs/a~1b"}},
        {"$defs": {"a": {"$anchor": "here"}}, "$ref": "#here"},
    ],
)
def test_a_schema_is_taken(schema: dict[str, Any]) -> None:
    check_schema(schema, "tools.0")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "sandwich"},
        {"properties": 5},
        {"required": "a"},
        TUPLE,
        {"$schema": 5},
        {"$schema": "https://example.com/draft"},
        {"$ref": "https://example.com/elsewhere"},
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"items": {"$ref": "#/$defs/absent"}},
    ],
)
def test_what_is_no_schema_is_refused_by_its_member(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as raised:
        check_schema(schema, "tools.0")
    assert raised.value.param == "tools.0"


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/draft"
        with pytest.raises(InvalidRequest):
            check_schema({"$schema": url}, "tools.0")
        with pytest.raises(InvalidRequest):
            check_schema({"$ref": url}, "tools.0")
        check_schema({"properties": {"a": {"$schema": url}}}, "tools.0")
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_schema_without_a_floor_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(1_000):
        schema = {"properties": {"a": schema}}
    with pytest.raises(InvalidRequest, match="deep"):
        check_schema(schema, "tools.0")


def chain(length: int) -> dict[str, Any]:
    """Definitions that each refer to the next one; the last is a schema."""
    links: dict[str, Any] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": links | {f"d{length}": {"type": "string"}}}


def anchored(length: int) -> dict[str, Any]:
    """The same by names that the definitions give themselves."""
    links: dict[str, Any] = {
        f"d{n}": {"$anchor": f"a{n}", "$ref": f"#a{n + 1}"} for n in range(length)
    }
    return {"$ref": "#a0", "$defs": links | {f"d{length}": {"$anchor": f"a{length}"}}}


def nested(length: int) -> dict[str, Any]:
    """Definitions of which each has the next one 20 levels within."""
    links: dict[str, Any] = {}
    for n in range(length):
        links[f"d{n}"] = {"$ref": f"#/$defs/d{n + 1}"}
        for _ in range(10):
            links[f"d{n}"] = {"properties": {"a": links[f"d{n}"]}}
    return {"items": {"$ref": "#/$defs/d0"}, "$defs": links | {f"d{length}": {}}}


@pytest.mark.parametrize("schema", [chain(100), anchored(100), nested(10)])
def test_references_may_lead_to_references(schema: dict[str, Any]) -> None:
    check_schema(schema, "tools.0")


@pytest.mark.parametrize("schema", [chain(300), anchored(300), nested(14)])
def test_references_may_not_lead_too_deep(schema: dict[str, Any]) -> None:
    """A compiler of grammars follows them until its stack ends, and its process with it."""
    with pytest.raises(InvalidRequest, match="levels deep") as raised:
        check_schema(schema, "tools.0")
    assert raised.value.param == "tools.0"


def test_a_schema_of_trees_may_refer_to_itself_from_everywhere() -> None:
    kinds = {
        f"k{n}": {"properties": {f"p{i}": {"$ref": "#"} for i in range(30)}} for n in range(30)
    }
    check_schema({"anyOf": [{"$ref": f"#/$defs/k{n}"} for n in range(30)], "$defs": kinds}, "a")


def test_a_chain_that_ends_in_itself_is_refused_wherever_it_is_entered() -> None:
    schema = chain(50)
    schema["$defs"]["d50"] = {"$ref": "#/$defs/d25"}
    with pytest.raises(InvalidRequest, match="leads to itself"):
        check_schema(schema, "tools.0")


@pytest.mark.parametrize(
    "schema",
    [
        chain(20_000),
        {"enum": list(range(200_000))},
        {"anyOf": [{"type": "string"}] * 3000},
        {"properties": {f"p{n}": {} for n in range(MOST_OPTIONAL + 1)}},
        {"properties": {f"p{n}": {} for n in range(40)}, "minProperties": 20},
        {"properties": {"a": {"enum": ["a" * 3_000_000, "b"], "type": "sandwich"}}},
        {"type": "a" * 3_000_000},
    ],
)
def test_a_vast_schema_is_refused_at_once_and_in_few_words(schema: dict[str, Any]) -> None:
    """A request of a megabyte has room for it, and everybody waits while it is read."""
    began = time.process_time()
    with pytest.raises(InvalidRequest) as raised:
        check_schema(schema, "tools.0")
    assert time.process_time() - began < 0.3
    assert len(raised.value.message) < 400


def test_as_many_properties_may_be_required_as_a_schema_has_parts() -> None:
    names = [f"p{n}" for n in range(MOST_PARTS // 3 - 10)]
    check_schema({"properties": {name: {} for name in names}, "required": names}, "tools.0")
