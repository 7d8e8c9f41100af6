"""How models are found by id, alias and ARN, and what a bad file does."""

import json
from pathlib import Path

import jinja2
import pytest

from kit.catalogue import DEFAULT_FOLDER, Catalogue, ModelEntry, load
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


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
    return tmp_path


CLAUDE = "anthropic.claude-v2"


def test_a_model_that_is_not_here_leaves_its_aws_name_to_the_one_that_yields_it() -> None:
    yielding = entry("a.one", aliases=["x.y", "plain"], yields=True)
    absent = entry("b.two", aliases=["x.y", "b/two"], engine="vllm")
    catalogue = Catalogue([absent, yielding])
    assert catalogue.find("x.y") is yielding
    with pytest.raises(NotFound, match=r"models pull b\.two"):
        catalogue.find("b/two")
    assert catalogue.owner("x.y") is absent
    assert catalogue.aliases_of(absent) == ["b/two"]


def test_a_folder_gives_a_known_model_its_weights_and_names(weights: Path) -> None:
    yielding = entry("a.one", aliases=["x.y", "x.z"], yields=True)
    absent = entry("b.two", aliases=["x.y", "b/two"], engine="vllm", context=4096)
    catalogue = Catalogue([yielding, absent]).with_folder("b/two", weights)
    found = catalogue.find("x.y")
    assert (found.id, found.folder, found.context) == ("b.two", weights, 512)
    assert catalogue.find("x.z") is found
    with pytest.raises(Conflict, match=r"b\.two"):
        catalogue.with_folder("b.two", weights)


def test_a_folder_makes_any_name_a_model_and_only_the_first_stands_in(weights: Path) -> None:
    catalogue = load().with_folder("TheBloke/Llama-2-7B-Chat-fp16", weights)
    first = catalogue.find("TheBloke/Llama-2-7B-Chat-fp16", kind="text")
    assert (first.engine, first.folder, first.context) == ("vllm", weights, 512)
    assert catalogue.find(CLAUDE) is first
    assert catalogue.find("extractive").id == "undercroft.extractive-v1"
    both = catalogue.with_folder("tiny", weights)
    assert both.find("tiny").id == "local.tiny"
    assert both.find(CLAUDE) == first
    assert CLAUDE not in both.aliases_of(both.find("tiny"))


def test_a_model_at_servers_of_the_operator_s_has_its_name_there_too() -> None:
    urls = ("http://10.0.0.5:8000/v1",)
    found = load().with_replicas("mistralai/Mistral-7B-v0.1", urls).find("mistral.mistral-7b")
    assert (found.replicas, found.served_as) == (urls, "mistralai/Mistral-7B-v0.1")
    with pytest.raises(Conflict, match="already belongs"):
        load().with_replicas("new", urls).with_replicas("new", urls)


@pytest.mark.parametrize("config", [None, "{", "[]", "{}", '{"max_position_embeddings": 0}'])
def test_a_folder_without_a_usable_config_is_told(tmp_path: Path, config: str | None) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(InvalidRequest, match=r"config\.json"):
        load().with_folder("tiny", tmp_path)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("meta-textgeneration-llama-2-70b-f", "meta.llama-2-70b-chat"),
        ("TheBloke/Llama-2-7B-Chat-fp16", "meta.llama-2-7b-chat"),
        ("mistralai/Mistral-7B-v0.1", "mistral.mistral-7b"),
        ("mistralai/Mixtral-8x7B-v0.1", "mistral.mixtral-8x7b"),
        ("huggingface-llm-falcon2-11b", "tii.falcon-2-11b"),
        (
            "huggingface-llm-mistralai-mixtral-8x22B-instruct-v0-1",
            "mistral.mixtral-8x22b-instruct",
        ),
        ("meta.llama3-8b-instruct-v1:0", "meta.llama-3-8b-instruct"),
    ],
)
def test_models_of_jumpstart_and_the_hub_have_entries(name: str, owner: str) -> None:
    found = load().owner(name)
    assert found is not None
    assert (found.id, found.is_here) == (owner, False)


def test_every_template_that_an_entry_names_writes_a_chat() -> None:
    named = {entry.template for entry in load().entries if entry.template}
    files = {path.stem: path for path in (DEFAULT_FOLDER / "templates").iterdir()}
    assert named == files.keys()
    chat = [{"role": "system", "content": "Brief."}, {"role": "user", "content": "Why?"}]
    for path in files.values():
        template = jinja2.Environment(autoescape=False).from_string(path.read_text())
        text = template.render(
            messages=chat, bos_token="<s>", eos_token="</s>", add_generation_prompt=True
        )
        assert text.index("Brief.") < text.index("Why?")


@pytest.mark.parametrize("text", ["id: [", "id: a.b\ncolour: red\n", "- a\n", ""])
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"odd\.yaml"):
        load(tmp_path)


def test_an_absent_folder_is_refused_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    away = tmp_path / "away"
    with pytest.raises(InvalidRequest, match=f"{away}.*--editable.*SEARCH_MODELS"):
        load(away)
    assert load(tmp_path).entries == ()


def test_a_model_that_is_not_here_is_known_and_not_served() -> None:
    catalogue = load()
    assert catalogue.knows("mistral.mistral-7b")
    assert not catalogue.serves("mistral.mistral-7b")
    assert catalogue.serves("extractive", kind="text")
    assert not catalogue.serves("extractive", kind="embedding")
