"""Answers without chance, told as often as they were asked for."""

from collections.abc import AsyncGenerator

import pytest

from contracts.generation.answers import Choice, Delta, Generation, Usage
from contracts.generation.requests import CompletionRequest
from services.generation.service.repeating import once, repeated, repeated_parts


def asked(**more: object) -> CompletionRequest:
    return CompletionRequest.model_validate({"model": "m", "prompt": "a", **more})


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ({"n": 3, "temperature": 0}, 3),
        ({"n": 3, "temperature": 0.1}, 1),
        ({"n": 3}, 1),
        ({"temperature": 0}, 1),
    ],
)
def test_one_is_made_where_all_would_be_alike(more: dict[str, float], times: int) -> None:
    request, found = once(asked(**more))
    assert found == times
    assert request.n * times == more.get("n", 1)


def test_whole_answers_are_counted_as_if_each_had_been_made() -> None:
    choice = Choice(text="So", finish_reason="stop")
    made = Generation(choices=[choice], input_tokens=4, output_tokens=2, model="m")
    told = repeated(made, 3)
    assert told.choices == [choice] * 3
    assert (told.input_tokens, told.output_tokens) == (4, 6)


async def test_parts_go_to_each_answer_and_their_counts_add_up() -> None:
    async def deltas() -> AsyncGenerator[Delta, None]:
        yield Delta(text="So", input_tokens=4, output_tokens=1, model="m")
        yield Delta(text="!", finish_reason="stop", output_tokens=1)
        yield Delta(usage=Usage(input_tokens=4, output_tokens=2, model="m"))

    parts = [part async for part in repeated_parts(deltas(), 2)]
    for index in (0, 1):
        own = [part for part in parts[:-1] if part.index == index]
        assert [part.text for part in own] == ["So", "!"]
        assert own[-1].finish_reason == "stop"
    assert sum(part.input_tokens for part in parts) == 4
    assert sum(part.output_tokens for part in parts) == 4
    assert [part.usage for part in parts if part.usage] == [
        Usage(input_tokens=4, output_tokens=4, model="m")
    ]
