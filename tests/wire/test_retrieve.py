"""Retrieve through boto3: every filter operator, both kinds of search, pages, and bad input."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge

TOWNS: dict[str, dict[str, Any]] = {
    "alder": {"name": "Alder", "year": 1900, "open": True, "tags": ["river", "mill"]},
    "birch": {"name": "Birch", "year": 1950, "open": False, "tags": ["hill"]},
    "cedar": {"name": "Cedar", "year": 2000, "tags": ["river"], "note": "Old Cedar Hill"},
    "elm": {"name": "Elm", "year": 2000.5},
}
BARE: dict[str, Any] = {"knowledgeBaseId": "", "retrievalQuery": {"text": "town"}}


def one(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {operator: {"key": key, "value": value}}


@pytest.fixture(scope="module")
def towns(platform: Platform) -> Knowledge:
    knowledge = Knowledge.create(platform)
    for town, attributes in TOWNS.items():
        words = f"The town of {town.title()} has a market and code ZX-{len(town)}{town[0]}."
        knowledge.put(f"{town}.txt", words, metadataAttributes=attributes)
    assert knowledge.sync()["numberOfNewDocumentsIndexed"] == 4
    return knowledge


def names(found: list[dict[str, Any]]) -> set[str]:
    return {hit["location"]["s3Location"]["uri"].rpartition("/")[2][:-4] for hit in found}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (one("equals", "name", "Alder"), {"alder"}),
        (one("equals", "open", False), {"birch"}),
        (one("equals", "year", 2000), {"cedar"}),
        (one("notEquals", "open", True), {"birch", "cedar", "elm"}),
        (one("greaterThan", "year", 1950), {"cedar", "elm"}),
        (one("greaterThanOrEquals", "year", 1950), {"birch", "cedar", "elm"}),
        (one("lessThan", "year", 1950), {"alder"}),
        (one("lessThanOrEquals", "year", 1950.0), {"alder", "birch"}),
        (one("in", "name", ["Alder", "Elm", "Oak"]), {"alder", "elm"}),
        (one("notIn", "year", [1900, 2000.5]), {"birch", "cedar"}),
        (one("startsWith", "name", "Ce"), {"cedar"}),
        (one("stringContains", "note", "Cedar H"), {"cedar"}),
        (one("stringContains", "tags", "ive"), {"alder", "cedar"}),
        (one("listContains", "tags", "river"), {"alder", "cedar"}),
        ({"andAll": [one("equals", "year", 2000), one("startsWith", "name", "C")]}, {"cedar"}),
        (
            {"orAll": [one("equals", "name", "Elm"), one("lessThan", "year", 1901)]},
            {"elm", "alder"},
        ),
        (
            {
                "andAll": [
                    one("listContains", "tags", "river"),
                    {"orAll": [one("equals", "open", True), one("equals", "name", "Birch")]},
                ]
            },
            {"alder"},
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("search", ["SEMANTIC", "HYBRID"])
def test_a_filter_keeps_what_it_says(
    towns: Knowledge, search: str, expression: dict[str, Any], expected: set[str]
) -> None:
    found = towns.retrieve("town", 10, filter=expression, overrideSearchType=search)
    assert names(found) == expected


def test_hybrid_search_finds_a_word_that_means_nothing(towns: Knowledge) -> None:
    [first, *_] = towns.retrieve("ZX-5c", overrideSearchType="HYBRID")
    assert names([first]) == {"cedar"}
    scores = [hit["score"] for hit in towns.retrieve("ZX-5c", overrideSearchType="SEMANTIC")]
    assert scores == sorted(scores, reverse=True)


def test_pages_follow_each_other_without_a_gap(towns: Knowledge) -> None:
    client = towns.client("bedrock-agent-runtime")
    ask = {**BARE, "knowledgeBaseId": towns.id}
    ask["retrievalConfiguration"] = {"vectorSearchConfiguration": {"numberOfResults": 3}}
    first = client.retrieve(**ask)
    second = client.retrieve(**ask, nextToken=first["nextToken"])
    assert (len(first["retrievalResults"]), len(second["retrievalResults"])) == (3, 1)
    assert "nextToken" not in second
    assert len(names(first["retrievalResults"] + second["retrievalResults"])) == 4


def test_a_knowledge_base_is_named_by_its_arn_too(towns: Knowledge) -> None:
    agent = towns.client("bedrock-agent")
    arn = agent.get_knowledge_base(knowledgeBaseId=towns.id)["knowledgeBase"]["knowledgeBaseArn"]
    client = towns.client("bedrock-agent-runtime")
    found = client.retrieve(knowledgeBaseId=arn, retrievalQuery={"text": "market"})
    assert len(found["retrievalResults"]) == 4


SEARCH = "retrievalConfiguration.vectorSearchConfiguration"


@pytest.mark.parametrize(
    ("search", "member"),
    [
        ({"numberOfResults": 0}, f"{SEARCH}.numberOfResults"),
        ({"numberOfResults": 101}, f"{SEARCH}.numberOfResults"),
        ({"overrideSearchType": "MAGIC"}, f"{SEARCH}.overrideSearchType"),
        ({"filter": {"andAll": [one("equals", "a", 1)]}}, f"{SEARCH}.filter.andAll"),
        ({"filter": one("greaterThan", "year", "x")}, f"{SEARCH}.filter.greaterThan.value"),
        ({"filter": one("in", "year", 3)}, f"{SEARCH}.filter.in.value"),
        ({"filter": one("startsWith", "name", 3)}, f"{SEARCH}.filter.startsWith.value"),
        ({"filter": one("equals", "name", {"a": 1})}, f"{SEARCH}.filter.equals.value"),
        ({"filter": one("equals", "", 1)}, f"{SEARCH}.filter.equals.key"),
    ],
    ids=str,
)
def test_a_bad_search_is_refused_by_its_member(
    platform: Platform, towns: Knowledge, search: dict[str, Any], member: str
) -> None:
    client = platform.boto3("bedrock-agent-runtime", parameter_validation=False)
    with pytest.raises(ClientError) as raised:
        client.retrieve(
            **{**BARE, "knowledgeBaseId": towns.id},
            retrievalConfiguration={"vectorSearchConfiguration": search},
        )
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert member in error["Message"]


@pytest.mark.parametrize(
    ("changed", "member"),
    [
        ({"retrievalQuery": {"text": ""}}, "retrievalQuery.text"),
        ({"retrievalQuery": {"text": " \n"}}, "retrievalQuery.text"),
        ({"retrievalQuery": {"text": "x" * 25_000}}, "retrievalQuery.text"),
        ({"retrievalQuery": {}}, "retrievalQuery.text"),
        ({"knowledgeBaseId": "no such id!"}, "knowledgeBaseId"),
        ({"nextToken": "made up"}, "nextToken"),
        ({"guardrailConfiguration": {"guardrailId": "g", "guardrailVersion": "1"}}, "guardrail"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bad_question_is_refused_by_its_member(
    platform: Platform, towns: Knowledge, changed: dict[str, Any], member: str
) -> None:
    client = platform.boto3("bedrock-agent-runtime", parameter_validation=False)
    with pytest.raises(ClientError) as raised:
        client.retrieve(**{**BARE, "knowledgeBaseId": towns.id, **changed})
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert member in error["Message"]
