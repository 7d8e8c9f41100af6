"""OpenAI's completions through the openai package: prompts of every form, side by side."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.contract.capable_server import MODEL
from tests.wire.openai_models import platform_with_model


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    with platform_with_model(tmp_path_factory.mktemp("completions")) as (platform, _):
        yield platform.openai()


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("one", ["one!"]),
        (["one", "two"], ["one!", "two!"]),
        ([5, 6], ["[5, 6]!"]),
        ([[5], [6, 7]], ["[5]!", "[6, 7]!"]),
    ],
)
def test_a_prompt_may_have_any_of_its_forms(
    client: openai.OpenAI, prompt: Any, texts: list[str]
) -> None:
    made = client.completions.create(model=MODEL, prompt=prompt)
    assert [one.text for one in made.choices] == texts
    assert made.object == "text_completion"


def test_the_choices_of_several_prompts_are_numbered_through(client: openai.OpenAI) -> None:
    asked: Any = {"model": MODEL, "prompt": ["wait 0.3", "two"], "n": 2}
    made = client.completions.create(**asked)
    texts = ["wait 0.3!", "wait 0.3!1", "two!", "two!1"]
    assert [(one.index, one.text) for one in made.choices] == list(enumerate(texts))
    assert made.usage is not None
    streamed = ["", "", "", ""]
    options: Any = {"include_usage": True}
    chunks = list(client.completions.create(**asked, stream=True, stream_options=options))
    for chunk in chunks[:-1]:
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert streamed == texts
    assert chunks[0].choices[0].index == 2, "the quick prompt has to wait for the slow one"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == made.usage.prompt_tokens
    assert chunks[-1].usage.completion_tokens == made.usage.completion_tokens


def test_log_probabilities_say_where_their_tokens_stand(client: openai.OpenAI) -> None:
    made = client.completions.create(model=MODEL, prompt="a bc d", logprobs=1)
    told = made.choices[0].logprobs
    assert told is not None
    assert told.tokens == ["a", "bc", "d!"]
    assert told.token_logprobs == [-0.25] * 3
    assert told.text_offset == [0, 1, 3]
    assert told.top_logprobs is not None
    assert told.top_logprobs[1] == {"bc": -0.25}


def test_the_first_refusal_ends_all_prompts(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model=MODEL, prompt=["wait 20", "fail 400"], timeout=10)
    stream = client.completions.create(
        model=MODEL, prompt=["good day to you", "wait 20", "fail 400"], stream=True, timeout=10
    )
    with pytest.raises(openai.APIError):
        list(stream)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": [[]]}, "prompt.0"),
        ({"prompt": ["a", 5]}, "prompt.0"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"logprobs": 50}, "logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_member_is_refused_by_name(
    client: openai.OpenAI, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/completions", body={"model": MODEL, "prompt": "a"} | change, cast_to=object)
    assert raised.value.param == param
