"""Families that continue a prompt: Titan, Llama, Mistral, Command, and Claude's older form."""

import base64
from typing import Any

import pytest

from contracts.generation.answers import Choice, Delta, Generation, Token, Usage
from contracts.generation.messages import ChatMessage, ImagePart, TextPart
from contracts.generation.requests import ChatRequest, CompletionRequest
from dialects.bedrock.families import text_dialect
from dialects.bedrock.progress import METRICS
from dialects.dialect import Exchange
from kit.errors import InvalidRequest
from tests.unit.dialects.bedrock.payloads import FAMILIES, TEXT, streamed

TITAN, LLAMA = "amazon.titan-text-lite-v1", "meta.llama2-13b-chat-v1"
MISTRAL, COMMAND = "mistral.mistral-7b-instruct-v0:2", "cohere.command-text-v14"
CLAUDE = "anthropic.claude-v2"
PNG = base64.b64encode(b"\x89PNG\r\n").decode()


def read(model: str, **body: Any) -> Any:
    return text_dialect(model).read(model, body)


def cut(reason: Any, stop: str | None = None) -> Generation:
    choice = Choice(text="So", finish_reason=reason, stop=stop)
    return Generation(choices=[choice], input_tokens=3, output_tokens=1, model="m")


@pytest.mark.parametrize(
    ("model", "body", "limit"),
    [
        (TITAN, {"inputText": "Hi"}, 512),
        (LLAMA, {"prompt": "Hi"}, 512),
        (MISTRAL, {"prompt": "Hi"}, 512),
        ("mistral.mistral-large-2402-v1:0", {"prompt": "Hi"}, 8192),
        (COMMAND, {"prompt": "Hi"}, 20),
    ],
)
def test_a_prompt_goes_as_it_is_under_the_makers_own_limit(
    model: str, body: dict[str, Any], limit: int
) -> None:
    assert read(model, **body) == CompletionRequest(model=model, prompt="Hi", max_tokens=limit)


@pytest.mark.parametrize(
    ("model", "body", "more"),
    [
        (
            TITAN,
            {
                "inputText": "Hi",
                "textGenerationConfig": {
                    "temperature": 0,
                    "topP": 0.9,
                    "maxTokenCount": 8,
                    "stopSequences": ["User:"],
                },
            },
            {"stop": ["User:"]},
        ),
        (LLAMA, {"prompt": "Hi", "temperature": 0, "top_p": 0.9, "max_gen_len": 8}, {}),
        (
            MISTRAL,
            {
                "prompt": "Hi",
                "temperature": 0,
                "top_p": 0.9,
                "max_tokens": 8,
                "top_k": 50,
                "stop": ["END"],
            },
            {"top_k": 50, "stop": ["END"]},
        ),
        (
            COMMAND,
            {
                "prompt": "Hi",
                "temperature": 0,
                "p": 0.9,
                "k": 0,
                "max_tokens": 8,
                "num_generations": 2,
                "return_likelihoods": "ALL",
                "stream": True,
            },
            {"n": 2, "logprobs": 0, "echo": True},
        ),
    ],
)
def test_sampling_has_each_makers_names(
    model: str, body: dict[str, Any], more: dict[str, Any]
) -> None:
    expected = CompletionRequest(
        model=model, prompt="Hi", temperature=0, top_p=0.9, max_tokens=8, **more
    )
    assert read(model, **body) == expected


def test_a_nucleus_of_nothing_is_the_likeliest_token() -> None:
    assert 0 < read(LLAMA, prompt="Hi", top_p=0).top_p < 1e-3


def test_titan_answers_with_counts_and_a_reason() -> None:
    assert FAMILIES["titan"].whole(cut("length")) == {
        "inputTextTokenCount": 3,
        "results": [{"tokenCount": 1, "outputText": "So", "completionReason": "LENGTH"}],
    }


async def test_titan_streams_its_counts_at_the_end() -> None:
    first, last = await FAMILIES["titan"].chunks(
        [
            Delta(text="So", input_tokens=3, output_tokens=1),
            Delta(finish_reason="stop_sequence", stop="\n"),
            Delta(usage=Usage(input_tokens=3, output_tokens=2, model="m")),
        ]
    )
    assert first == {
        "outputText": "So",
        "index": 0,
        "totalOutputTextTokenCount": None,
        "completionReason": None,
        "inputTextTokenCount": 3,
    }
    metrics = last.pop(METRICS)
    assert last == {
        "outputText": "",
        "index": 0,
        "totalOutputTextTokenCount": 2,
        "completionReason": "STOP_CRITERIA_MET",
        "inputTextTokenCount": 3,
    }
    assert metrics["outputTokenCount"] == 2


def test_llama_answers_with_counts_and_a_reason() -> None:
    assert FAMILIES["llama"].whole(cut("length")) == {
        "generation": "So",
        "prompt_token_count": 3,
        "generation_token_count": 1,
        "stop_reason": "length",
    }


async def test_llama_streams_with_nulls_until_it_knows() -> None:
    first, *_, last = await FAMILIES["llama"].chunks(streamed(TEXT))
    assert first["prompt_token_count"] is first["stop_reason"] is None
    assert (last["prompt_token_count"], last["generation_token_count"]) == (7, 9)
    assert last["stop_reason"] == "stop"


def test_llamas_images_go_to_the_turns_that_mark_them() -> None:
    prompt = (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n<|image|>What is it?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    asked = read("meta.llama3-2-11b-instruct-v1:0", prompt=prompt, images=[PNG])
    assert isinstance(asked, ChatRequest)
    assert asked.messages == [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(
            role="user",
            content=[
                ImagePart(media_type="image/png", data=PNG, place="images.0"),
                TextPart(text="What is it?"),
            ],
        ),
    ]


def test_an_image_without_a_mark_goes_with_the_first_question() -> None:
    [message] = read(LLAMA, prompt="What is it?", images=[PNG]).messages
    assert [part.type for part in message.content] == ["image", "text"]


def test_mistral_answers_with_outputs() -> None:
    assert FAMILIES["mistral"].whole(cut("length")) == {
        "outputs": [{"text": "So", "stop_reason": "length"}]
    }


def test_command_answers_with_every_generation_and_its_likelihoods() -> None:
    body = {"prompt": "Hi", "num_generations": 2, "return_likelihoods": "GENERATION"}
    tokens = [Token(text="S", logprob=-1.0), Token(text="o", logprob=-3.0)]
    made = Generation(
        choices=[
            Choice(text="So", finish_reason="length", tokens=tokens),
            Choice(text="No", finish_reason="stop"),
        ],
        input_tokens=3,
        output_tokens=2,
        model="m",
    )
    dialect = text_dialect(COMMAND)
    answer = dialect.whole(Exchange(COMMAND, body, dialect.read(COMMAND, body)), made)
    assert answer["prompt"] == "Hi"
    first, second = answer["generations"]
    assert (first["text"], first["finish_reason"], first["likelihood"]) == ("So", "MAX_TOKENS", -2)
    assert first["token_likelihoods"][1] == {"token": "o", "likelihood": -3.0}
    assert (second["text"], second["finish_reason"]) == ("No", "COMPLETE")


async def test_command_streams_each_generation_under_its_index() -> None:
    body = {"prompt": "Hi", "num_generations": 2}
    dialect = text_dialect(COMMAND)
    exchange = Exchange(COMMAND, body, dialect.read(COMMAND, body))

    async def deltas() -> Any:
        yield Delta(index=1, text="No")
        yield Delta(index=0, text="So")
        yield Delta(index=1, finish_reason="length")
        yield Delta(index=0, finish_reason="stop")
        yield Delta(usage=Usage(input_tokens=3, output_tokens=2, model="m"))

    *parts, last = [chunk async for chunk in dialect.parts(exchange, deltas())]
    last.pop(METRICS)
    assert [*parts, last] == [
        {"index": 1, "is_finished": False, "text": "No"},
        {"index": 0, "is_finished": False, "text": "So"},
        {"index": 0, "is_finished": True, "finish_reason": "COMPLETE"},
        {"index": 1, "is_finished": True, "finish_reason": "MAX_TOKENS"},
    ]


def test_claudes_older_prompt_is_a_chat_of_its_turns() -> None:
    asked = read(
        CLAUDE,
        prompt="Be brief.\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: Who?\n\nAssistant:",
        stop_sequences=["\n\nHuman:", "END"],
    )
    assert [(one.role, one.content) for one in asked.messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello!"),
        ("user", "Who?"),
    ]
    assert (asked.max_tokens, asked.stop) == (200, ["END"])


@pytest.mark.parametrize(
    ("reason", "told", "stop"),
    [
        ("stop", "stop_sequence", "\n\nHuman:"),
        ("stop_sequence", "stop_sequence", "END"),
        ("length", "max_tokens", None),
    ],
)
def test_claudes_older_answer_says_what_stopped_it(
    reason: str, told: str, stop: str | None
) -> None:
    given = "END" if reason == "stop_sequence" else None
    assert FAMILIES["claude-text"].whole(cut(reason, given)) == {
        "type": "completion",
        "completion": " So",
        "stop_reason": told,
        "stop": stop,
    }


@pytest.mark.parametrize(
    ("model", "body", "param"),
    [
        (TITAN, {"inputText": ""}, "inputText"),
        (
            TITAN,
            {"inputText": "a", "textGenerationConfig": {"topP": 2}},
            "textGenerationConfig.topP",
        ),
        (TITAN, {"inputText": "a", "textGenerationConfig": []}, "textGenerationConfig"),
        (LLAMA, {"prompt": 3}, "prompt"),
        (LLAMA, {"prompt": "a", "max_gen_len": 0}, "max_gen_len"),
        (LLAMA, {"prompt": "a", "max_tokens": 3}, "max_tokens"),
        (LLAMA, {"prompt": "a", "images": ["%"]}, "images.0"),
        (LLAMA, {"prompt": "<|image|><|image|>", "images": [PNG]}, "images"),
        (MISTRAL, {"prompt": "a", "stop": [""]}, "stop"),
        (MISTRAL, {"prompt": "a", "top_k": 1.5}, "top_k"),
        (COMMAND, {"prompt": "a", "num_generations": 6}, "num_generations"),
        (COMMAND, {"prompt": "a", "truncate": "START"}, "truncate"),
        (COMMAND, {"prompt": "a", "logit_bias": {"1": 2}}, "logit_bias"),
        (CLAUDE, {"prompt": "hi"}, "prompt"),
    ],
)
def test_what_is_wrong_is_named(model: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(model, **body)
    assert raised.value.param == param
