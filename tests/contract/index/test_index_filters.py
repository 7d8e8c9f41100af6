"""Every Bedrock filter operator means on every index what the plain-Python oracle says."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.search.ports import Condition, Filter, Group, Index, Metadata, MetadataValue
from services.search.service.filters import matches
from tests.contract.index.corpus import SPEC, matching, point

LONG = "x" * 5000
VALUES: list[MetadataValue] = [
    "cat", "Cat", "catalog", "concat", "", "true", "1.0", "é", "e\u0301", "a=b", "\x00", LONG,
    1.0, 0.0, -0.0, -1.5, 0.1 + 0.2, 2**53, 2**53 + 1, 1e308, True, False,
    [], ["cat"], ["dog", "cat"], ["concat", ""], [LONG],
]  # fmt: skip
SCALARS = [value for value in VALUES if not isinstance(value, list)]
STRINGS = [value for value in SCALARS if isinstance(value, str)]
NUMBERS = [
    value for value in SCALARS if isinstance(value, int | float) and not isinstance(value, bool)
]
KEYS = [
    "k", "K", "a.b", "a[0]", "a[]", 'q"t', "a_2e_b", "has k", "k=cat", "ключ", "年", "-", " ", "0",
    "x-amz-bedrock-kb-source-uri", "terms", "numbers.k", "a\\b", "`", "k" * 100,
]  # fmt: skip


async def _holds_like_the_oracle(
    index: Index, metadata: list[Metadata], filters: list[Filter]
) -> None:
    await index.delete(SPEC.name, "doc")
    await index.upsert(SPEC, [point(i, metadata=each) for i, each in enumerate(metadata)])
    for where in filters:
        expected = {i for i, each in enumerate(metadata) if matches(where, each)}
        assert await matching(index, where) == expected, where


async def test_keys_are_taken_literally(index: Index) -> None:
    metadata: list[Metadata] = [{key: "cat", f"{key}n": 2.0} for key in KEYS]
    filters: list[Filter] = []
    for key in KEYS:
        filters += [
            Condition("equals", key, "cat"),
            Condition("notEquals", key, "cat"),
            Condition("startsWith", key, "c"),
            Condition("stringContains", key, "at"),
            Condition("greaterThan", f"{key}n", 1.0),
        ]
    await _holds_like_the_oracle(index, metadata, filters)
    assert await matching(index, filters[0]) == {0}


@pytest.mark.parametrize("operator", ["equals", "notEquals"])
async def test_equality_tells_types_and_cases_apart(index: Index, operator: str) -> None:
    metadata: list[Metadata] = [*({"k": value} for value in VALUES), {}, {"other": "cat"}]
    filters = [Condition(operator, "k", value) for value in SCALARS]  # type: ignore[arg-type]
    await _holds_like_the_oracle(index, metadata, list(filters))


@pytest.mark.parametrize(
    "operator", ["greaterThan", "greaterThanOrEquals", "lessThan", "lessThanOrEquals"]
)
async def test_only_numbers_are_ordered(index: Index, operator: str) -> None:
    metadata: list[Metadata] = [*({"k": value} for value in VALUES), {}]
    filters = [Condition(operator, "k", value) for value in NUMBERS]  # type: ignore[arg-type]
    await _holds_like_the_oracle(index, metadata, list(filters))


@pytest.mark.parametrize("operator", ["in", "notIn"])
async def test_lists_of_values_need_the_key(index: Index, operator: str) -> None:
    lists: list[list[MetadataValue]] = [[], ["cat"], ["cat", 1.0, "é"], list(NUMBERS), ["absent"]]
    metadata: list[Metadata] = [*({"k": value} for value in VALUES), {}, {"other": "cat"}]
    filters = [Condition(operator, "k", values) for values in lists]  # type: ignore[arg-type]
    await _holds_like_the_oracle(index, metadata, list(filters))


@pytest.mark.parametrize("operator", ["startsWith", "stringContains", "listContains"])
async def test_parts_of_strings_and_lists_are_found(index: Index, operator: str) -> None:
    metadata: list[Metadata] = [*({"k": value} for value in VALUES), {}, {"cat": "k"}]
    needles = [*STRINGS, "ca", "at", "CAT", "x" * 4999, "k=cat", "text", "."]
    filters = [Condition(operator, "k", needle) for needle in needles]  # type: ignore[arg-type]
    await _holds_like_the_oracle(index, metadata, list(filters))


async def test_groups_nest(index: Index) -> None:
    cat, old = Condition("equals", "animal", "cat"), Condition("lessThan", "year", 2000.0)
    deep: Filter = Group("all", (cat, old))
    for _ in range(4):
        deep = Group("any", (Group("all", (deep, Condition("notEquals", "z", "z"))), cat))
    metadata: list[Metadata] = [
        {"animal": "cat", "year": 1990.0}, {"animal": "cat", "year": 2010.0},
        {"animal": "dog", "year": 1990.0}, {"year": 1990.0}, {},
    ]  # fmt: skip
    filters: list[Filter] = [Group("all", (cat, old)), Group("any", (cat, old)), deep]
    await _holds_like_the_oracle(index, metadata, filters)


keys = st.sampled_from(["k", "a.b", "has k", "年"])
words = st.sampled_from(["", "a", "A", "ab", "ba", "true", "é"]) | st.text(
    st.sampled_from(string.printable + "é年\x00\U0001f600"), max_size=6
)
reals = st.sampled_from([0.0, -0.0, 1.0, 1.5, 2.0**53]) | st.floats(
    allow_nan=False, allow_infinity=False
)
lists_of_words = st.lists(words, max_size=3)
metadatas = st.dictionaries(keys, words | reals | st.booleans() | lists_of_words, max_size=4)


def _condition(
    operators: list[str], values: st.SearchStrategy[object]
) -> st.SearchStrategy[Filter]:
    return st.builds(Condition, st.sampled_from(operators), keys, values)  # type: ignore[arg-type]


any_condition = (
    _condition(["equals", "notEquals"], words | reals | st.booleans())
    | _condition(["greaterThan", "greaterThanOrEquals", "lessThan", "lessThanOrEquals"], reals)
    | _condition(["in", "notIn"], st.lists(words | reals, max_size=3))
    | _condition(["startsWith", "stringContains", "listContains"], words)
)
any_filter = st.recursive(
    any_condition,
    lambda inner: st.builds(
        Group,
        st.sampled_from(["all", "any"]),
        st.lists(inner, min_size=2, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    metadata=st.lists(metadatas, min_size=1, max_size=8),
    filters=st.lists(any_filter, min_size=1, max_size=6),
)
async def test_any_filter_agrees_with_the_oracle(
    index: Index, metadata: list[Metadata], filters: list[Filter]
) -> None:
    await _holds_like_the_oracle(index, metadata, filters)
