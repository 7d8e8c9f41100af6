"""The filter's JSON is parsed strictly, and every refusal names its member."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InvalidRequest
from services.search.ports import Condition, Group, Metadata
from services.search.service.filters import FILTER_PARAM, matches, parse_filter

CAT = {"equals": {"key": "animal", "value": "cat"}}


def _nested(levels: int) -> Any:
    value: Any = CAT
    for _ in range(levels):
        value = {"andAll": [value, CAT]}
    return value


def test_groups_and_conditions_are_read() -> None:
    value = {"orAll": [CAT, {"andAll": [{"in": {"key": "n", "value": [1, "x"]}}, CAT]}]}
    cat = Condition("equals", "animal", "cat")
    assert parse_filter(value) == Group(
        "any", (cat, Group("all", (Condition("in", "n", [1.0, "x"]), cat)))
    )


def test_an_integer_becomes_the_float_that_metadata_holds() -> None:
    parsed = parse_filter({"lessThan": {"key": "n", "value": 2**53 + 1}})
    assert parsed == Condition("lessThan", "n", 2.0**53)


@pytest.mark.parametrize(
    ("value", "member"),
    [
        ({}, ""),
        ([], ""),
        ("equals", ""),
        ({**CAT, "andAll": [CAT, CAT]}, ""),
        ({"GreaterThanOrEquals": {"key": "n", "value": 1}}, ".GreaterThanOrEquals"),
        ({"andAll": [CAT]}, ".andAll"),
        ({"orAll": []}, ".orAll"),
        ({"orAll": CAT}, ".orAll"),
        ({"andAll": [CAT, {"not": CAT}]}, ".andAll.1.not"),
        ({"equals": None}, ".equals"),
        ({"equals": {"key": "k"}}, ".equals"),
        ({"equals": {"key": "k", "value": "v", "more": 1}}, ".equals"),
        ({"equals": {"key": "", "value": "v"}}, ".equals.key"),
        ({"equals": {"key": "k" * 101, "value": "v"}}, ".equals.key"),
        ({"equals": {"key": 3, "value": "v"}}, ".equals.key"),
        ({"equals": {"key": "\ud800", "value": "v"}}, ".equals.key"),
        ({"equals": {"key": "k", "value": ["v"]}}, ".equals.value"),
        ({"notEquals": {"key": "k", "value": None}}, ".notEquals.value"),
        ({"equals": {"key": "k", "value": "\ud800"}}, ".equals.value"),
        ({"greaterThan": {"key": "k", "value": "one"}}, ".greaterThan.value"),
        ({"lessThan": {"key": "k", "value": True}}, ".lessThan.value"),
        ({"lessThan": {"key": "k", "value": float("nan")}}, ".lessThan.value"),
        ({"lessThanOrEquals": {"key": "k", "value": 10**400}}, ".lessThanOrEquals.value"),
        ({"in": {"key": "k", "value": "v"}}, ".in.value"),
        ({"notIn": {"key": "k", "value": ["v", True]}}, ".notIn.value"),
        ({"in": {"key": "k", "value": [["v"]]}}, ".in.value"),
        ({"startsWith": {"key": "k", "value": 1}}, ".startsWith.value"),
        ({"stringContains": {"key": "k", "value": ["v"]}}, ".stringContains.value"),
        ({"listContains": {"key": "k", "value": 1}}, ".listContains.value"),
        (_nested(6), ".andAll.0" * 5 + ".andAll"),
        ({"andAll": [CAT] * 1001}, ""),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(value: object, member: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_filter(value)
    assert refused.value.param == FILTER_PARAM + member


def test_five_levels_and_a_thousand_conditions_are_read() -> None:
    parse_filter(_nested(5))
    parse_filter({"andAll": [CAT] * 1000})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["andAll", "orAll", "equals", "in", "key", "value", "lessThan"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        parse_filter(value)
    except InvalidRequest as error:
        refused = error
    else:
        return
    assert refused.param is not None
    assert refused.param.startswith(FILTER_PARAM)


@pytest.mark.parametrize(
    ("operator", "value", "metadata", "expected"),
    [
        ("equals", "cat", {"k": "cat"}, True),
        ("equals", "Cat", {"k": "cat"}, False),
        ("equals", "cat", {"k": ["cat"]}, False),
        ("equals", 1.0, {"k": 1.0}, True),
        ("equals", 1.0, {"k": True}, False),
        ("equals", "1.0", {"k": 1.0}, False),
        ("equals", True, {"k": True}, True),
        ("equals", True, {"k": "true"}, False),
        ("equals", 0.0, {"k": -0.0}, True),
        ("equals", "cat", {}, False),
        ("notEquals", "cat", {}, True),
        ("notEquals", "cat", {"k": "dog"}, True),
        ("notEquals", "cat", {"k": "cat"}, False),
        ("greaterThan", 1989.0, {"k": 1989.0}, False),
        ("greaterThanOrEquals", 1989.0, {"k": 1989.0}, True),
        ("lessThan", 2.0, {"k": "1"}, False),
        ("lessThanOrEquals", 2.0, {"k": True}, False),
        ("in", ["cat", 1.0], {"k": 1.0}, True),
        ("in", [], {"k": 1.0}, False),
        ("notIn", ["cat"], {"k": "dog"}, True),
        ("notIn", ["cat"], {}, False),
        ("notIn", [], {"k": "dog"}, True),
        ("startsWith", "ca", {"k": "cat"}, True),
        ("startsWith", "ca", {"k": ["cat"]}, False),
        ("stringContains", "at", {"k": "cat"}, True),
        ("stringContains", "at", {"k": ["dog", "cat"]}, True),
        ("stringContains", "AT", {"k": "cat"}, False),
        ("stringContains", "1", {"k": 1.0}, False),
        ("listContains", "cat", {"k": ["dog", "cat"]}, True),
        ("listContains", "ca", {"k": ["dog", "cat"]}, False),
        ("listContains", "cat", {"k": "cat"}, False),
    ],
)
def test_an_operator_means_what_bedrock_documents(
    operator: str, value: object, metadata: Metadata, expected: bool
) -> None:
    where = parse_filter(json.loads(json.dumps({operator: {"key": "k", "value": value}})))
    assert matches(where, metadata) is expected
