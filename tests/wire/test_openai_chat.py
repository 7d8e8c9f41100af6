"""OpenAI's chats through the openai package, in front of a model that honours what is asked."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.contract.capable_server import MODEL, CapableServer
from tests.support.platform import Platform
from tests.wire.openai_models import platform_with_model

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "What a city has",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    for name in ("weather", "people")
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, CapableServer]]:
    with platform_with_model(tmp_path_factory.mktemp("chat")) as both:
        yield both


@pytest.fixture(scope="module")
def client(served: tuple[Platform, CapableServer]) -> openai.OpenAI:
    return served[0].openai()


def say(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_every_choice_comes_back(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model=MODEL, messages=say("hello"), n=3)
    assert [one.message.content for one in made.choices] == ["hello!", "hello!1", "hello!2"]
    assert [one.index for one in made.choices] == [0, 1, 2]
    assert made.model == MODEL
    assert made.usage is not None
    assert made.usage.prompt_tokens_details is not None
    assert made.usage.prompt_tokens_details.cached_tokens == 1


def test_sampling_reaches_the_model_as_it_was_given(
    served: tuple[Platform, CapableServer], client: openai.OpenAI
) -> None:
    client.chat.completions.create(
        model=MODEL,
        messages=say("sampled"),
        max_completion_tokens=7,
        temperature=0.5,
        top_p=0.9,
        seed=11,
        stop=["a", "b"],
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        user="somebody",
        metadata={"a": "b"},
        store=False,
        extra_body={"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1, "ignore_eos": True},
    )
    told = served[1].seen[-1]
    expected = {
        "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 11, "stop": ["a", "b"],
        "presence_penalty": 0.1, "frequency_penalty": -0.1, "top_k": 5, "min_p": 0.1,
        "repetition_penalty": 1.1, "ignore_eos": True,
    }  # fmt: skip
    assert {name: told.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("required", ["weather", "people"]),
        ({"type": "function", "function": {"name": "people"}}, ["people"]),
    ],
)
def test_tools_are_called_and_their_answers_sent_back(
    client: openai.OpenAI, choice: Any, called: list[str]
) -> None:
    made = client.chat.completions.create(
        model=MODEL, messages=say("Köln"), tools=TOOLS, tool_choice=choice
    )
    message = made.choices[0].message
    assert made.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert [one.function.name for one in message.tool_calls or ()] == called
    told = [
        {"role": "tool", "tool_call_id": one.id, "content": "rain"}
        for one in message.tool_calls or ()
    ]
    more: Any = [*say("Köln"), message, *told, *say("and now?")]
    after = client.chat.completions.create(model=MODEL, messages=more, tools=TOOLS)
    assert after.choices[0].message.content == "and now?!"


def test_tool_calls_are_streamed_in_parts(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model=MODEL, messages=say("Köln"), tools=TOOLS, tool_choice="required"
    ) as stream:
        made = stream.get_final_completion()
    calls = made.choices[0].message.tool_calls or []
    assert [json.loads(one.function.arguments) for one in calls] == [{"city": "Köln"}] * 2
    assert made.choices[0].finish_reason == "tool_calls"


class City(BaseModel):
    city: str
    people: int


def test_an_answer_of_a_schema_is_parsed(
    served: tuple[Platform, CapableServer], client: openai.OpenAI
) -> None:
    made = client.chat.completions.parse(
        model=MODEL, messages=say("which city?"), response_format=City
    )
    assert made.choices[0].message.parsed == City(city="Köln", people=1)
    told = served[1].seen[-1]["response_format"]["json_schema"]
    assert told["name"] == "City"
    assert told["schema"]["required"] == ["city", "people"]


def test_log_probabilities_are_told_whole_and_streamed(client: openai.OpenAI) -> None:
    asked: Any = {"model": MODEL, "messages": say("hi 🙂"), "logprobs": True, "top_logprobs": 2}
    made = client.chat.completions.create(**asked)
    assert made.choices[0].logprobs is not None
    (token,) = made.choices[0].logprobs.content or ()
    assert (token.token, token.logprob) == ("hi 🙂!", -0.25)
    assert bytes(token.bytes or ()).decode() == "hi 🙂!"
    assert [one.token for one in token.top_logprobs] == ["t0", "t1"]
    chunks = list(client.chat.completions.create(**asked, stream=True))
    streamed = [
        token.token
        for chunk in chunks
        if chunk.choices[0].logprobs is not None
        for token in chunk.choices[0].logprobs.content or ()
    ]
    assert "".join(streamed) == "hi 🙂!"


def test_a_stream_has_openai_s_frames(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=say("twelve words or so"),
            n=2,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert len({one.id for one in chunks}) == 1
    for index, expected in enumerate(("twelve words or so!", "twelve words or so!1")):
        of_choice = [
            one.choices[0] for one in chunks if one.choices and one.choices[0].index == index
        ]
        assert of_choice[0].delta.role == "assistant"
        assert "".join(one.delta.content or "" for one in of_choice) == expected
        assert [one.finish_reason for one in of_choice if one.finish_reason] == ["stop"]
        assert of_choice[-1].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 4
    assert all(one.usage is None for one in chunks[:-1])


def test_images_come_as_data_and_are_never_fetched(
    served: tuple[Platform, CapableServer], client: openai.OpenAI
) -> None:
    def ask(url: str) -> None:
        image = {"type": "image_url", "image_url": {"url": url}}
        content = [{"type": "text", "text": "what?"}, image]
        messages: Any = [{"role": "user", "content": content}]
        client.chat.completions.create(model=MODEL, messages=messages)

    ask(f"data:image/png;base64,{PIXEL}")
    told = served[1].seen[-1]["messages"][0]["content"]
    assert told[1]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    for url in ("http://127.0.0.1:1/x.png", "https://example.com/x.png", "file:///etc/passwd"):
        with pytest.raises(openai.BadRequestError) as raised:
            ask(url)
        assert raised.value.param == "messages.0.content.1.image_url.url"
