"""Whoever waits for an answer goes before the lines of batches, whichever wire has them."""

from collections.abc import Sequence
from typing import Any, cast

import orjson
import pytest

from contracts.generation.answers import Choice, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.metered import MeteredGeneration
from dialects.body import Json
from kit.auth.principal import Principal
from kit.batches.progress import Writer
from kit.batches.records import Batch
from kit.catalogue import Catalogue
from workers.batch.bedrock import BedrockBatches, Models
from workers.batch.openai import Endpoints, OpenAIBatches
from workers.batch.wire import BatchWire, Line, Running

UNUSED: Any = None
MESSAGES = [{"role": "user", "content": "Oak?"}]
MADE = Generation(
    choices=[Choice(text="Oak.", finish_reason="stop")], input_tokens=1, output_tokens=1, model="m"
)


class Model:
    """Remembers what it is asked."""

    def __init__(self) -> None:
        self.asks: list[GenerateRequest] = []

    async def generate(
        self, who: Principal, operation: str, ask: GenerateRequest, *, size: int
    ) -> Generation:
        self.asks.append(ask)
        return MADE

    async def generate_all(
        self,
        who: Principal,
        operation: str,
        asks: Sequence[GenerateRequest],
        *,
        size: int,
        at_once: int,
    ) -> list[Generation]:
        self.asks += asks
        return [MADE for _ in asks]


async def answer(wire: BatchWire, asked: dict[str, Any], line: Json) -> None:
    times = (0.0, 1.0, None, None, None, None)
    batch = Batch("j", "b", "acme", "any", "", asked, *times, None, None, 0, 0, 0, 0, {})
    running = Running(batch, Principal("acme", "1", "k"), Writer("acme", "j", 1))
    await wire.answer(running, Line(0, 1, orjson.dumps(line)))


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/v1/completions", {"prompt": ["Oak?", "Ash?"]}),
    ],
)
async def test_openai(endpoint: str, body: Json) -> None:
    model = Model()
    endpoints = Endpoints(cast(MeteredGeneration, model), UNUSED, UNUSED)
    wire = OpenAIBatches(UNUSED, UNUSED, endpoints)
    line = {"custom_id": "a", "body": {"model": "m", **body}}
    await answer(wire, {"endpoint": endpoint}, line)
    assert model.asks
    assert all(ask.background for ask in model.asks)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("InvokeModel", {"messages": MESSAGES}),
        ("Converse", {"messages": [{"role": "user", "content": [{"text": "Oak?"}]}]}),
    ],
)
async def test_bedrock(kind: str, body: Json) -> None:
    model = Model()
    models = Models(cast(MeteredGeneration, model), UNUSED, UNUSED, Catalogue([]))
    wire = BedrockBatches(UNUSED, UNUSED, models)
    await answer(wire, {"model": "m", "type": kind}, {"recordId": "R1", "modelInput": body})
    assert [ask.background for ask in model.asks] == [True]
