"""What holds for the stream of every family."""

from collections.abc import AsyncGenerator

import pytest

from contracts.generation.answers import Choice, Delta, Generation
from dialects.bedrock.progress import METRICS
from tests.unit.dialects.bedrock.payloads import (
    CALL,
    CALLED,
    FAMILIES,
    SAID,
    TEXT,
    Family,
    streamed,
)

EVERY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


@EVERY
def test_the_whole_answer_says_what_was_made(family: Family) -> None:
    assert family.said(family.whole(TEXT)) == SAID


@EVERY
async def test_the_chunks_join_to_the_whole_answer(family: Family) -> None:
    chunks = await family.chunks(streamed(TEXT))
    assert "".join(family.part(chunk) for chunk in chunks).removeprefix(" ") == SAID


@EVERY
async def test_text_comes_as_the_engine_gives_it(family: Family) -> None:
    said = [part for chunk in await family.chunks(streamed(TEXT)) if (part := family.part(chunk))]
    assert len(said) == len(SAID)


@EVERY
async def test_only_the_last_chunk_has_the_metrics(family: Family) -> None:
    *before, last = await family.chunks(streamed(TEXT))
    assert not any(METRICS in chunk for chunk in before)
    if family.model == "converse":  # it has an event of its own for them
        assert last["metadata"]["usage"] == {"inputTokens": 7, "outputTokens": 9, "totalTokens": 16}
        return
    assert last[METRICS].keys() == {
        "inputTokenCount",
        "outputTokenCount",
        "invocationLatency",
        "firstByteLatency",
    }
    assert (last[METRICS]["inputTokenCount"], last[METRICS]["outputTokenCount"]) == (7, 9)


@EVERY
async def test_an_answer_without_text_still_ends(family: Family) -> None:
    empty = Generation(
        choices=[Choice(text="", finish_reason="stop")], input_tokens=7, output_tokens=1, model="m"
    )
    chunks = await family.chunks(streamed(empty))
    assert "".join(family.part(chunk) for chunk in chunks).strip() == ""
    assert family.whole(empty)


@EVERY
async def test_leaving_a_stream_closes_its_engine_at_once(family: Family) -> None:
    closed = False

    async def endless() -> AsyncGenerator[Delta, None]:
        nonlocal closed
        try:
            while True:
                yield Delta(text="more ")
        finally:
            closed = True

    chunks = family.dialect.parts(family.exchange(), endless())
    while not family.part(await anext(chunks)):
        pass
    await chunks.aclose()
    assert closed


@EVERY
async def test_cached_tokens_are_counted_apart(family: Family) -> None:
    *parts, last = streamed(TEXT)
    assert last.usage is not None
    usage = last.usage.model_copy(update={"cached_tokens": 4})
    told = (await family.chunks([*parts, Delta(usage=usage)]))[-1]
    if family.model == "converse":
        assert told["metadata"]["usage"]["inputTokens"] == 3
        assert told["metadata"]["usage"]["cacheReadInputTokens"] == 4
        return
    assert told[METRICS]["inputTokenCount"] == 3
    assert told[METRICS]["cacheReadInputTokenCount"] == 4


@pytest.mark.parametrize("name", ["claude", "converse", "nova", "command-r"])
async def test_a_call_that_max_tokens_cut_in_two_has_no_arguments(name: str) -> None:
    half = CALL.model_copy(update={"arguments": '{"city":"Os'})
    choice = Choice(text="", finish_reason="length", tool_calls=[half])
    made = CALLED.model_copy(update={"choices": [choice]})
    family = FAMILIES[name]
    told = str(family.whole(made))
    assert "'weather'" in told
    assert "'input': {}" in told or "'parameters': {}" in told
    assert "max_tokens" in told.lower()
    assert await family.chunks(streamed(made))
