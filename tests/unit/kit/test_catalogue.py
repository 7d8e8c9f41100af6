"""How models are found by id, alias and ARN, and what a bad file does."""

from pathlib import Path

import pytest

from kit.catalogue import Catalogue, ModelEntry, load
from kit.errors import Conflict, InvalidRequest, NotFound


def entry(name: str, **more: object) -> ModelEntry:
    values = {
        "id": name, "name": name, "provider": "", "kind": "text", "engine": "openai",
        "description": "", "licence": "", "source": "",
    }  # fmt: skip
    return ModelEntry.model_validate({**values, **more})


@pytest.mark.parametrize(
    "reference",
    [
        "undercroft.extractive-v1",
        "extractive",
        "anthropic.claude-v2",
        "us.anthropic.claude-3-sonnet-20240229-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-instant-v1",
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-v2:1",
        "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
    ],
)
def test_a_model_is_found_under_each_of_its_names(reference: str) -> None:
    assert load().find(reference).id == "undercroft.extractive-v1"


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "nothing",
        "arn:aws:s3:::bucket",
        "amazon.titan-embed-text-v1",
        "us.us.anthropic.claude-v2",
    ],
)
def test_any_other_name_is_not_found_and_says_which_would_do(reference: str) -> None:
    with pytest.raises(NotFound, match=r"undercroft\.extractive-v1") as caught:
        load().find(reference, kind="text")
    assert caught.value.param == "modelId"


def test_an_embedding_alias_promises_dimensions_the_default_first() -> None:
    found = load().find("amazon.titan-embed-text-v2:0", kind="embedding")
    assert found.dimension == 384
    assert found.alias_dimensions["amazon.titan-embed-text-v2:0"] == [1024, 512, 256]


def test_an_entry_takes_an_alias_from_one_that_yields() -> None:
    yielding = entry("a.one", aliases=["x.y", "x.z"], yields=True)
    other = entry("b.two", aliases=["x.y"])
    for catalogue in (Catalogue([yielding, other]), Catalogue([other, yielding])):
        assert catalogue.find("x.y") is other
        assert catalogue.aliases_of(yielding) == ["x.z"]


def test_two_entries_that_claim_one_name_are_refused() -> None:
    with pytest.raises(Conflict, match=r"x\.y"):
        Catalogue([entry("a.one", aliases=["x.y"]), entry("b.two", aliases=["x.y"])])


@pytest.mark.parametrize("text", ["id: [", "id: a.b\ncolour: red\n", "- a\n", ""])
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"odd\.yaml"):
        load(tmp_path)
