"""What every chat engine keeps to, the extractive one and the one over the OpenAI wire alike."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from contracts.generation.answers import Delta
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.catalogue import ModelEntry
from kit.errors import (
    DeadlineExceeded,
    InvalidRequest,
    PlatformError,
    TookTooLong,
    Unavailable,
    Unsupported,
    UpstreamFailed,
)
from services.generation.engines.extractive.engine import ExtractiveEngine
from services.generation.engines.openai.engine import OpenAIEngine
from services.generation.ports import Asked, Engine
from services.generation.settings import GenerationSettings
from tests.contract.openai_double import SAID, Double, openai_double

PASSAGES = ["Tickets cost 7 euros. The tower has 198 steps. Dogs stay outside."]


def entry(served_as: str = "answers", engine: str = "openai") -> ModelEntry:
    return ModelEntry(
        id="test.model-v1",
        name="Test",
        provider="Test",
        kind="text",
        engine=engine,
        description="",
        licence="",
        source="",
        served_as=served_as,
    )


def asked(
    model: ModelEntry, question: str = "How many steps does the tower have?", **more: object
) -> Asked:
    request = ChatRequest(
        model=model.id,
        messages=[ChatMessage(role="user", content=question)],
        passages=PASSAGES,
        **more,  # type: ignore[arg-type]
    )
    return Asked("tenant", model, request)


async def collected(engine: Engine, asked: Asked) -> list[Delta]:
    async with aclosing(engine.stream(asked)) as deltas:
        return [delta async for delta in deltas]


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    async with openai_double() as running:
        yield running


@pytest.fixture
async def openai(double: Double) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(
        GenerationSettings(
            openai_base_url=double.url,
            openai_api_key="k-1",
            silence_seconds=0.5,
            request_seconds=3.0,
        )
    )
    yield engine
    await engine.close()


@pytest.fixture(params=["extractive", "openai", "byte-by-byte"])
def engine(request: pytest.FixtureRequest, openai: OpenAIEngine) -> tuple[Engine, ModelEntry]:
    if request.param == "extractive":
        return ExtractiveEngine(), entry(engine="extractive")
    return openai, entry(request.param)


async def test_the_parts_of_a_stream_join_to_the_whole_answer(
    engine: tuple[Engine, ModelEntry],
) -> None:
    whole = await engine[0].generate(asked(engine[1]))
    parts = await collected(engine[0], asked(engine[1]))
    assert whole.text
    assert "".join(part.text for part in parts) == whole.text


async def test_only_the_last_part_tells_the_counts_and_the_model(
    engine: tuple[Engine, ModelEntry],
) -> None:
    *parts, last = await collected(engine[0], asked(engine[1]))
    assert parts
    assert all(part.usage is None for part in parts)
    whole = await engine[0].generate(asked(engine[1]))
    assert last.usage is not None
    assert last.usage.model_dump() == {
        "input_tokens": whole.input_tokens,
        "output_tokens": whole.output_tokens,
        "cached_tokens": 0,
        "model": "test.model-v1",
        "adapter": "",
    }


async def test_one_part_of_an_answer_tells_how_it_ended(
    engine: tuple[Engine, ModelEntry],
) -> None:
    parts = await collected(engine[0], asked(engine[1]))
    whole = await engine[0].generate(asked(engine[1]))
    reasons = [part.finish_reason for part in parts if part.finish_reason]
    assert reasons == [whole.first.finish_reason]


async def test_an_engine_serves_many_chats_at_once(engine: tuple[Engine, ModelEntry]) -> None:
    answers = await asyncio.gather(*(engine[0].generate(asked(engine[1])) for _ in range(20)))
    assert len({answer.text for answer in answers}) == 1


async def test_the_request_reaches_the_server_with_its_key_and_nothing_that_is_ours(
    openai: OpenAIEngine, double: Double
) -> None:
    await openai.generate(asked(entry(), max_tokens=5, temperature=0.2, top_p=0.9, stop=["END"]))
    assert double.keys == ["Bearer k-1"]
    assert double.seen == [
        {
            "model": "answers",
            "messages": [{"role": "user", "content": "How many steps does the tower have?"}],
            "stream": False,
            "max_tokens": 5,
            "temperature": 0.2,
            "top_p": 0.9,
            "stop": ["END"],
        }
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_is_echoed_without_the_server(
    openai: OpenAIEngine, double: Double, stream: bool
) -> None:
    model = entry()
    completion = CompletionRequest(model=model.id, prompt="Say", echo=True)
    echoed = Asked("tenant", model, completion)
    parts = await collected(openai, echoed) if stream else [await openai.generate(echoed)]
    assert "".join(part.text for part in parts) == SAID
    assert "echo" not in double.seen[0]


@pytest.mark.parametrize("more", [{"prompt": "Say", "logprobs": 0}, {"prompt": [1, 2]}])
async def test_the_tokens_of_a_prompt_are_refused_where_nobody_can_tell_them(
    openai: OpenAIEngine, double: Double, more: dict[str, Any]
) -> None:
    model = entry()
    with pytest.raises(Unsupported, match="echo"):
        await openai.generate(
            Asked("tenant", model, CompletionRequest(model=model.id, echo=True, **more))
        )
    assert double.seen == []


@pytest.mark.parametrize(
    ("behaviour", "reason", "text"),
    [("too-short", "length", SAID), ("refuses", "refusal", "No.")],
)
async def test_reasons_are_told_in_our_words(
    openai: OpenAIEngine, behaviour: str, reason: str, text: str
) -> None:
    answer = await openai.generate(asked(entry(behaviour)))
    assert (answer.first.finish_reason, answer.text) == (reason, text)


@pytest.mark.parametrize(
    ("behaviour", "leaf"),
    [
        ("status-400", InvalidRequest),
        ("status-401", UpstreamFailed),
        ("status-404", UpstreamFailed),
        ("status-500", UpstreamFailed),
        ("status-504", DeadlineExceeded),
        ("redirect", UpstreamFailed),
        ("garbage", UpstreamFailed),
        ("hangs", DeadlineExceeded),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_failing_server_is_a_leaf_of_the_error_tree(
    openai: OpenAIEngine, double: Double, behaviour: str, leaf: type[PlatformError], streamed: bool
) -> None:
    call = collected(openai, asked(entry(behaviour)))
    with pytest.raises(leaf):
        await (call if streamed else openai.generate(asked(entry(behaviour))))
    call.close()
    assert len(double.seen) == 1


async def test_a_whole_answer_may_take_longer_than_a_stream_may_be_silent(
    openai: OpenAIEngine,
) -> None:
    assert (await openai.generate(asked(entry("slow")))).text
    with pytest.raises(DeadlineExceeded) as silent:
        await collected(openai, asked(entry("slow")))
    assert not isinstance(silent.value, TookTooLong)


async def test_no_request_takes_longer_than_it_may(openai: OpenAIEngine) -> None:
    with pytest.raises(TookTooLong):
        await openai.generate(asked(entry("hangs")))
    with pytest.raises(TookTooLong):
        await collected(openai, asked(entry("endless")))


@pytest.mark.parametrize("behaviour", ["breaks-with-error", "cut"])
async def test_a_stream_that_breaks_gives_its_text_and_then_fails_without_another_try(
    openai: OpenAIEngine, double: Double, behaviour: str
) -> None:
    stream = openai.stream(asked(entry(behaviour)))
    assert (await anext(stream)).text == "Half "
    with pytest.raises(UpstreamFailed):
        await anext(stream)
    assert len(double.seen) == 1


async def test_a_busy_server_is_tried_again_before_the_first_byte(
    openai: OpenAIEngine, double: Double
) -> None:
    double.failures_left = 2
    answer = await openai.generate(asked(entry()))
    assert answer.text == SAID
    assert len(double.seen) == 3


async def test_a_server_that_stays_busy_is_unavailable(
    openai: OpenAIEngine, double: Double
) -> None:
    double.failures_left = 9
    with pytest.raises(Unavailable):
        await openai.generate(asked(entry()))
    assert len(double.seen) == 3


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    settings = GenerationSettings(openai_base_url="http://127.0.0.1:9/v1", openai_attempts=1)
    engine = OpenAIEngine(settings)
    with pytest.raises(Unavailable):
        await engine.generate(asked(entry()))
    await engine.close()


async def test_leaving_a_stream_stops_the_server_at_once(
    openai: OpenAIEngine, double: Double
) -> None:
    async with aclosing(openai.stream(asked(entry("endless")))) as deltas:
        assert (await anext(deltas)).text == "more "
    began = time.monotonic()
    await asyncio.wait_for(double.left.wait(), 2)
    assert time.monotonic() - began < 1


async def test_cancelling_a_chat_stops_the_server_at_once(
    openai: OpenAIEngine, double: Double
) -> None:
    task = asyncio.create_task(openai.generate(asked(entry("hangs"))))
    while not double.seen:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait_for(double.left.wait(), 2)
