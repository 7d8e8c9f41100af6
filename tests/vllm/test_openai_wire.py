"""The openai package against the real engine: tools, schemas, probabilities, seeds and stops."""

import json
import math
import time
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel, Field

from contracts.generation.requests import MOST_STOPS
from tests.support.platform import Platform
from tests.support.vllm import NAME

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
SAY: Any = [{"role": "user", "content": "Say hello"}]
ENDLESS: Any = {"extra_body": {"ignore_eos": True}}
# Grammars allow white space anywhere, and random weights would write nothing else.
SHAPED: Any = {"frequency_penalty": 2.0, "max_tokens": 500, "temperature": 0}
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"city": {"enum": ["Rome", "Oslo"]}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
    for name in ("weather", "people")
]


@pytest.fixture(scope="module")
def client(vllm_platform: Platform) -> openai.OpenAI:
    return vllm_platform.openai()


class Town(BaseModel):
    name: str = Field(pattern="^(Rome|Oslo)$")
    capital: bool


def test_an_answer_has_the_shape_of_its_schema(client: openai.OpenAI) -> None:
    made = client.chat.completions.parse(model=NAME, messages=SAY, response_format=Town, **SHAPED)
    assert made.choices[0].message.parsed is not None
    assert made.choices[0].message.parsed.name in ("Rome", "Oslo")


def test_a_named_tool_is_called(client: openai.OpenAI) -> None:
    choice: Any = {"type": "function", "function": {"name": "people"}}
    made = client.chat.completions.create(
        model=NAME, messages=SAY, tools=TOOLS, tool_choice=choice, **SHAPED
    )
    (call,) = made.choices[0].message.tool_calls or ()
    assert call.type == "function"
    assert call.function.name == "people"
    assert json.loads(call.function.arguments)["city"] in ("Rome", "Oslo")


def test_some_tool_is_called_where_one_is_required_and_streamed_alike(
    client: openai.OpenAI,
) -> None:
    asked: Any = {
        "model": NAME, "messages": SAY, "tools": TOOLS, "tool_choice": "required",
        "parallel_tool_calls": False, **SHAPED,
    }  # fmt: skip
    made = client.chat.completions.create(**asked)
    calls = made.choices[0].message.tool_calls or []
    assert calls
    assert json.loads(calls[0].function.arguments)["city"] in ("Rome", "Oslo")
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls or []
    assert streamed[0].function.name == calls[0].function.name
    assert json.loads(streamed[0].function.arguments) == json.loads(calls[0].function.arguments)


def test_a_stream_says_what_a_whole_answer_says(client: openai.OpenAI) -> None:
    asked: Any = {"model": NAME, "messages": SAY, "max_tokens": 12, "temperature": 0, **ENDLESS}
    made = client.chat.completions.create(**asked)
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert text == made.choices[0].message.content
    assert made.choices[0].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert made.usage is not None
    assert chunks[-1].usage.prompt_tokens == made.usage.prompt_tokens
    assert chunks[-1].usage.completion_tokens == made.usage.completion_tokens == 12


def test_probabilities_are_told_of_each_token(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model=NAME, messages=SAY, max_tokens=5, temperature=0, logprobs=True, top_logprobs=3,
        **ENDLESS,
    )  # fmt: skip
    assert made.choices[0].logprobs is not None
    tokens = made.choices[0].logprobs.content or []
    assert len(tokens) == 5
    assert "".join(one.token for one in tokens) == made.choices[0].message.content
    for one in tokens:
        assert len(one.top_logprobs) >= 3
        assert one.logprob == max(other.logprob for other in one.top_logprobs)
        assert sum(math.exp(other.logprob) for other in one.top_logprobs) <= 1.001


def test_an_echo_has_its_prompt_and_the_probabilities_of_it(client: openai.OpenAI) -> None:
    asked: Any = {"model": NAME, "prompt": "Say hello", "max_tokens": 4, "temperature": 0}
    plain = client.completions.create(**asked, **ENDLESS).choices[0].text
    made = client.completions.create(**asked, echo=True, logprobs=1, **ENDLESS).choices[0]
    assert made.text == f"Say hello{plain}"
    assert made.logprobs is not None
    tokens, probabilities = made.logprobs.tokens or [], made.logprobs.token_logprobs or []
    assert "".join(tokens).endswith(plain)
    assert probabilities[0] is None
    assert all(one is not None for one in probabilities[1:])
    streamed = client.completions.create(**asked, echo=True, stream=True, **ENDLESS)
    assert "".join(one.choices[0].text for one in streamed) == made.text


def test_the_echo_of_a_prompt_in_tokens_is_its_text(client: openai.OpenAI) -> None:
    asked: Any = {"model": NAME, "prompt": [11, 12, 13], "max_tokens": 4, "temperature": 0}
    plain = client.completions.create(**asked, **ENDLESS).choices[0].text
    made = client.completions.create(**asked, echo=True, logprobs=0, **ENDLESS).choices[0]
    assert made.logprobs is not None
    begun = "".join((made.logprobs.tokens or [])[:3])
    assert begun
    assert made.text == begun + plain
    silent = client.completions.create(**asked, echo=True, **ENDLESS).choices[0]
    assert (silent.text, silent.logprobs) == (made.text, None)


def test_a_seed_gives_the_same_answers_again(client: openai.OpenAI) -> None:
    asked: Any = {"model": NAME, "messages": SAY, "max_tokens": 12, "temperature": 1.5, "n": 3}
    first, again, other = (
        [one.message.content for one in client.chat.completions.create(**asked, seed=seed).choices]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert len(set(first)) > 1


def test_answers_without_chance_are_as_many_as_were_asked_for(client: openai.OpenAI) -> None:
    asked: Any = {"model": NAME, "messages": SAY, "max_tokens": 8, "temperature": 0, **ENDLESS}
    one = client.chat.completions.create(**asked)
    three = client.chat.completions.create(**asked, n=3)
    assert [choice.index for choice in three.choices] == [0, 1, 2]
    assert {choice.message.content for choice in three.choices} == {one.choices[0].message.content}
    assert three.usage is not None
    assert three.usage.completion_tokens == 24


def test_an_image_that_a_model_cannot_read_is_named(client: openai.OpenAI) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    messages: Any = [{"role": "user", "content": content}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=NAME, messages=messages, max_tokens=2)
    assert raised.value.param == "messages.0.content.1.image_url.url"


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "people"}}]
)
def test_a_forced_call_that_is_cut_is_no_text(client: openai.OpenAI, choice: Any) -> None:
    asked: Any = {
        "model": NAME, "messages": SAY, "tools": TOOLS, "tool_choice": choice, "max_tokens": 3,
        "temperature": 0,
    }  # fmt: skip
    made = client.chat.completions.create(**asked).choices[0]
    assert made.finish_reason == "length"
    assert not made.message.content
    parts = list(client.chat.completions.create(**asked, stream=True))
    assert not "".join(one.choices[0].delta.content or "" for one in parts if one.choices)


@pytest.mark.parametrize("stream", [False, True])
def test_a_schema_that_no_text_can_be_held_to_is_the_askers_mistake(
    client: openai.OpenAI, stream: bool
) -> None:
    schema = {"name": "a", "schema": {"type": "string", "pattern": "("}}
    asked: Any = {"model": NAME, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    asked |= {"response_format": {"type": "json_schema", "json_schema": schema}}
    for _ in range(5):  # as often as would make a server seem broken
        with pytest.raises(openai.BadRequestError):
            list(client.chat.completions.create(**asked))
    asked = {"model": NAME, "prompt": "Say hello", "max_tokens": 2}
    assert client.completions.create(**asked).choices


def test_an_answer_ends_before_its_stop_sequence(client: openai.OpenAI) -> None:
    asked: Any = {"model": NAME, "prompt": "Say hello", "max_tokens": 30, "temperature": 0}
    text = client.completions.create(**asked, **ENDLESS).choices[0].text
    stop = text[10:14]
    stops = [f"stop {number}" for number in range(MOST_STOPS - 1)]
    made = client.completions.create(**asked, stop=[*stops, stop], **ENDLESS).choices[0]
    assert made.text == text[: text.index(stop)]
    assert made.finish_reason == "stop"


def test_several_prompts_keep_their_order(client: openai.OpenAI) -> None:
    prompts = ["Say hello", "Ask a question", "Go away"]
    asked: Any = {"model": NAME, "max_tokens": 8, "temperature": 0, **ENDLESS}
    alone = [client.completions.create(prompt=one, **asked).choices[0].text for one in prompts]
    together = client.completions.create(prompt=prompts, **asked)
    assert [one.text for one in together.choices] == alone


def test_too_long_a_context_is_refused_with_both_numbers(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.completions.create(model=NAME, prompt="hello " * 20_000, max_tokens=5)
    numbers = [word for word in raised.value.message.replace(",", "").split() if word.isdigit()]
    assert len(numbers) >= 2


def test_a_stream_that_is_left_is_written_no_further(vllm_platform: Platform) -> None:
    who = vllm_platform.keys("leaver")
    stream = vllm_platform.openai(who).completions.create(
        model=NAME, prompt="Say hello", max_tokens=1500, stream=True, **ENDLESS
    )
    next(iter(stream))
    stream.close()
    booked, until = 0, time.monotonic() + 60
    while not booked and time.monotonic() < until:
        time.sleep(0.2)
        answer = httpx.get(f"{vllm_platform.url}/api/v1/usage", headers=vllm_platform.rest(who))
        booked = sum(row["tokens_out"] for row in answer.raise_for_status().json()["items"])
    assert 0 < booked < 1500
