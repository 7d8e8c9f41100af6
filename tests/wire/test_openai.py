"""The OpenAI API through the openai package: embeddings, models, chat, and its error classes."""

import base64
import struct

import openai
import pytest

from tests.support.platform import Platform

SMALL = "text-embedding-3-small"
PASSAGE = "<context>The bridge of Alder is made of oak.</context>\n"
QUESTION = "What is the bridge of Alder made of?"


@pytest.fixture(scope="module")
def client(platform: Platform) -> openai.OpenAI:
    return platform.openai()


def test_embeddings_come_as_floats_and_as_base64_alike(client: openai.OpenAI) -> None:
    texts = ["oak bridge", "iron bridge"]
    floats = client.embeddings.create(model=SMALL, input=texts, encoding_format="float")
    packed = client.embeddings.with_raw_response.create(
        model=SMALL, input=texts, encoding_format="base64"
    )
    for row, other in zip(floats.data, packed.http_response.json()["data"], strict=True):
        unpacked = struct.unpack(f"<{1536}f", base64.b64decode(other["embedding"]))
        assert unpacked == pytest.approx(row.embedding, abs=1e-6)
    assert [row.index for row in floats.data] == [0, 1]
    assert floats.usage.prompt_tokens == floats.usage.total_tokens > 0
    assert floats.model == SMALL


def test_embeddings_have_the_dimension_asked_for(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="all-minilm-l6-v2", input="oak", dimensions=384)
    assert len(made.data[0].embedding) == 384
    with pytest.raises(openai.BadRequestError) as raised:
        client.embeddings.create(model="all-minilm-l6-v2", input="oak", dimensions=100)
    assert raised.value.param == "dimensions"


def test_tokens_embed_like_the_text_that_they_spell(client: openai.OpenAI) -> None:
    oak_bridge = [6116, 2958]
    tokens = client.embeddings.create(model=SMALL, input=oak_bridge).data[0].embedding
    text = client.embeddings.create(model=SMALL, input="oak bridge").data[0].embedding
    assert sum(a * b for a, b in zip(tokens, text, strict=True)) > 0.999
    many = client.embeddings.create(model=SMALL, input=[oak_bridge, [2958]])
    assert len(many.data) == 2


def test_models_are_listed_with_what_serves_them(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert listed[SMALL].to_dict()["served_by"] == "sentence-transformers.all-minilm-l6-v2"
    assert client.models.retrieve(SMALL).id == SMALL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("absent-model")


def test_a_chat_is_answered_whole(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="extractive", messages=[{"role": "user", "content": PASSAGE + QUESTION}]
    )
    assert "oak" in (made.choices[0].message.content or "")
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_a_chat_is_streamed_with_its_usage(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="extractive",
            messages=[{"role": "user", "content": PASSAGE + QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert "oak" in text
    assert len({one.id for one in chunks}) == 1
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert [one.choices[0].finish_reason for one in chunks if one.choices][-1] == "stop"


@pytest.mark.parametrize("path", ["/openai/v1", f"/endpoints/{SMALL}/openai/v1", "/v1/"])
def test_the_api_stands_where_aws_puts_it_too(platform: Platform, path: str) -> None:
    key = platform.owner.bearer
    client = openai.OpenAI(base_url=platform.url + path, api_key=key, max_retries=0)
    assert client.embeddings.create(model=SMALL, input="oak").data


def test_a_wrong_key_is_an_authentication_error(platform: Platform) -> None:
    client = openai.OpenAI(base_url=f"{platform.url}/v1", api_key="sk-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_an_absent_model_is_a_not_found_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.embeddings.create(model="absent", input="oak")
    assert "absent" in raised.value.message
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="absent", messages=[{"role": "user", "content": "a"}])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": SMALL}, "input"),
        ({"model": SMALL, "input": ""}, "input"),
        ({"model": SMALL, "input": []}, "input"),
        ({"model": SMALL, "input": [[]]}, "input"),
        ({"model": SMALL, "input": [-1]}, "input"),
        ({"model": SMALL, "input": [10**9]}, "input"),
        ({"model": SMALL, "input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"model": SMALL, "input": "a", "dimensions": 0}, "dimensions"),
        ({"model": SMALL, "input": "a", "colour": "red"}, "colour"),
        ({"input": "a"}, "model"),
    ],
)
def test_a_bad_member_is_a_bad_request_error(
    client: openai.OpenAI, body: dict[str, object], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/embeddings", body=body, cast_to=object)
    assert str(raised.value.param).partition(".")[0] == param
    assert raised.value.type == "invalid_request_error"


def test_errors_of_routing_have_openai_s_form_too(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.post("/absent", body={}, cast_to=object)
    assert raised.value.type == "not_found_error"
    with pytest.raises(openai.APIStatusError) as refused:
        client.get("/embeddings", cast_to=object)
    assert refused.value.status_code == 405
    with pytest.raises(openai.BadRequestError):
        client.post("/embeddings", content=b"{", cast_to=object)
