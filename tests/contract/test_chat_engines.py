"""What every chat engine keeps to, the extractive one and the one over the OpenAI wire alike."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from contracts.generation import ChatDelta, ChatMessage, ChatRequest
from kit.catalogue import ModelEntry
from kit.errors import (
    DeadlineExceeded,
    InvalidRequest,
    PlatformError,
    Unavailable,
    UpstreamFailed,
)
from services.generation.engines.extractive.engine import ExtractiveEngine
from services.generation.engines.openai.engine import OpenAIEngine
from services.generation.ports import ChatEngine
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


def asked(question: str = "How many steps does the tower have?", **more: object) -> ChatRequest:
    return ChatRequest(
        model="test.model-v1",
        messages=[ChatMessage(role="user", content=question)],
        passages=PASSAGES,
        **more,  # type: ignore[arg-type]
    )


async def collected(engine: ChatEngine, model: ModelEntry, request: ChatRequest) -> list[ChatDelta]:
    async with aclosing(engine.stream(model, request)) as deltas:
        return [delta async for delta in deltas]


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    async with openai_double() as running:
        yield running


@pytest.fixture
async def openai(double: Double) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(
        GenerationSettings(
            openai_base_url=double.url, openai_api_key="k-1", openai_first_byte_timeout=0.5
        )
    )
    yield engine
    await engine.close()


@pytest.fixture(params=["extractive", "openai", "byte-by-byte"])
def engine(request: pytest.FixtureRequest, openai: OpenAIEngine) -> tuple[ChatEngine, ModelEntry]:
    if request.param == "extractive":
        return ExtractiveEngine(), entry(engine="extractive")
    return openai, entry(request.param)


async def test_the_parts_of_a_stream_join_to_the_whole_answer(
    engine: tuple[ChatEngine, ModelEntry],
) -> None:
    whole = await engine[0].chat(engine[1], asked())
    parts = await collected(*engine, asked())
    assert whole.text
    assert "".join(part.text for part in parts) == whole.text


async def test_only_the_last_part_tells_the_reason_the_counts_and_the_model(
    engine: tuple[ChatEngine, ModelEntry],
) -> None:
    *parts, last = await collected(*engine, asked())
    assert parts
    assert all(part.finish_reason is None and part.model is None for part in parts)
    whole = await engine[0].chat(engine[1], asked())
    assert (last.finish_reason, last.input_tokens, last.output_tokens, last.model) == (
        whole.finish_reason,
        whole.input_tokens,
        whole.output_tokens,
        "test.model-v1",
    )


async def test_an_engine_serves_many_chats_at_once(engine: tuple[ChatEngine, ModelEntry]) -> None:
    answers = await asyncio.gather(*(engine[0].chat(engine[1], asked()) for _ in range(20)))
    assert len({answer.text for answer in answers}) == 1


async def test_the_request_reaches_the_server_with_its_key_and_nothing_that_is_ours(
    openai: OpenAIEngine, double: Double
) -> None:
    await openai.chat(entry(), asked(max_tokens=5, temperature=0.2, top_p=0.9, stop=["END"]))
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


@pytest.mark.parametrize(
    ("behaviour", "reason", "text"),
    [("too-short", "length", SAID), ("refuses", "refusal", "No.")],
)
async def test_reasons_are_told_in_our_words(
    openai: OpenAIEngine, behaviour: str, reason: str, text: str
) -> None:
    answer = await openai.chat(entry(behaviour), asked())
    assert (answer.finish_reason, answer.text) == (reason, text)


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
        ("slow", DeadlineExceeded),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_failing_server_is_a_leaf_of_the_error_tree(
    openai: OpenAIEngine, double: Double, behaviour: str, leaf: type[PlatformError], streamed: bool
) -> None:
    call = collected(openai, entry(behaviour), asked())
    with pytest.raises(leaf):
        await (call if streamed else openai.chat(entry(behaviour), asked()))
    call.close()
    assert len(double.seen) == 1


@pytest.mark.parametrize("behaviour", ["breaks-with-error", "cut"])
async def test_a_stream_that_breaks_gives_its_text_and_then_fails_without_another_try(
    openai: OpenAIEngine, double: Double, behaviour: str
) -> None:
    stream = openai.stream(entry(behaviour), asked())
    assert (await anext(stream)).text == "Half "
    with pytest.raises(UpstreamFailed):
        await anext(stream)
    assert len(double.seen) == 1


async def test_a_busy_server_is_tried_again_before_the_first_byte(
    openai: OpenAIEngine, double: Double
) -> None:
    double.failures_left = 2
    answer = await openai.chat(entry(), asked())
    assert answer.text == SAID
    assert len(double.seen) == 3


async def test_a_server_that_stays_busy_is_unavailable(
    openai: OpenAIEngine, double: Double
) -> None:
    double.failures_left = 9
    with pytest.raises(Unavailable):
        await openai.chat(entry(), asked())
    assert len(double.seen) == 3


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    settings = GenerationSettings(openai_base_url="http://127.0.0.1:9/v1", openai_attempts=1)
    engine = OpenAIEngine(settings)
    with pytest.raises(Unavailable):
        await engine.chat(entry(), asked())
    await engine.close()


async def test_leaving_a_stream_stops_the_server_at_once(
    openai: OpenAIEngine, double: Double
) -> None:
    async with aclosing(openai.stream(entry("endless"), asked())) as deltas:
        assert (await anext(deltas)).text == "more "
    began = time.monotonic()
    await asyncio.wait_for(double.left.wait(), 2)
    assert time.monotonic() - began < 1


async def test_cancelling_a_chat_stops_the_server_at_once(
    openai: OpenAIEngine, double: Double
) -> None:
    task = asyncio.create_task(openai.chat(entry("hangs"), asked()))
    while not double.seen:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait_for(double.left.wait(), 2)
