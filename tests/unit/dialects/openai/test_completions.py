"""OpenAI's completions: prompts in, choices out, their echo and their tokens included."""

from typing import Any

import pytest

from contracts.generation.answers import Choice, Delta, Generation, Token, Usage
from contracts.generation.requests import CompletionRequest
from dialects.openai.completion_chunks import CompletionChunks
from dialects.openai.completions import CompletionDialect
from kit.errors import InvalidRequest

DIALECT = CompletionDialect()


def read(prompt: Any, **body: Any) -> list[CompletionRequest]:
    return DIALECT.read_all("m", {"model": "m", "prompt": prompt, **body})


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
def test_each_prompt_is_a_request(prompt: Any, prompts: list[Any]) -> None:
    requests = read(prompt, temperature=0, echo=True, logprobs=2)
    assert [one.prompt for one in requests] == prompts
    assert {(one.max_tokens, one.echo, one.logprobs) for one in requests} == {(16, True, 2)}


def test_one_prompt_is_asked_for_where_there_is_room_for_one() -> None:
    body = {"model": "m", "prompt": ["a", "b"]}
    with pytest.raises(InvalidRequest) as raised:
        DIALECT.read("m", body)
    assert raised.value.param == "prompt"


def test_an_echo_goes_before_its_answer_with_its_tokens() -> None:
    requests = read("ab", echo=True, logprobs=0)
    made = Generation(
        choices=[
            Choice(text="cd", finish_reason="length", tokens=[Token(text="cd", logprob=-0.5)])
        ],
        prompt_tokens=[Token(text="a", logprob=None), Token(text="b", logprob=-2.0)],
        input_tokens=2,
        output_tokens=1,
        model="m",
    )
    (choice,) = DIALECT.whole_all("m", requests, [made])["choices"]
    assert choice == {
        "index": 0,
        "text": "abcd",
        "finish_reason": "length",
        "logprobs": {
            "tokens": ["a", "b", "cd"],
            "token_logprobs": [None, -2.0, -0.5],
            "top_logprobs": [None, {}, {}],
            "text_offset": [0, 1, 2],
        },
    }


def test_an_answer_that_begins_like_its_prompt_is_told_whole() -> None:
    (request,) = read("ha", echo=True)
    choice = Choice(text="haha", finish_reason="stop")
    made = Generation(choices=[choice], input_tokens=1, output_tokens=2, model="m")
    assert DIALECT.whole_all("m", [request], [made])["choices"][0]["text"] == "hahaha"
    chunks = CompletionChunks("m", [request], includes_usage=False)
    told = [one for part in ("ha", "ha") for one in chunks.of(0, Delta(text=part))]
    assert "".join(one["choices"][0]["text"] for one in told) == "hahaha"


def test_chunks_of_several_prompts_are_numbered_through_and_summed() -> None:
    requests = read(["a", "b"], n=2, echo=True, stream=True)
    chunks = CompletionChunks("m", requests, includes_usage=True)
    usage = Usage(input_tokens=1, output_tokens=2, model="m")
    told = [
        *chunks.of(1, Delta(index=1, text="x")),
        *chunks.of(0, Delta(text="y")),
        *chunks.of(0, Delta(text="z", finish_reason="stop", usage=usage)),
        *chunks.of(1, Delta(usage=usage)),
        *chunks.end(),
    ]
    assert [(c["index"], c["text"]) for one in told for c in one["choices"]] == [
        (3, "bx"),
        (0, "ay"),
        (0, "z"),
    ]
    assert told[-1]["usage"]["total_tokens"] == 6
