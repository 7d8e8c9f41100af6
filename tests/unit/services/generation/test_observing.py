"""What an engine takes is told by OpenTelemetry's names, without a tenant's."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from contracts.generation.answers import Choice, Delta, Generation, Usage
from contracts.generation.requests import CompletionRequest
from kit.errors import UpstreamFailed
from services.generation.ports import AdapterRef, Asked
from services.generation.service.observing import Observed
from tests.unit.services.generation.routing.world import MODEL

ENTRY = MODEL.model_copy(update={"id": "test.observed"})
DIGEST = "0123456789abcdef" * 4
ASKED = Asked(
    "secret-tenant",
    ENTRY,
    CompletionRequest(model=ENTRY.id, prompt="x"),
    AdapterRef(DIGEST, Path("/a"), 8),
)
LABELS = {
    "gen_ai_operation_name": "text_completion",
    "gen_ai_provider_name": "vllm",
    "gen_ai_request_model": "test.observed",
}


class Engine:
    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks

    async def generate(self, asked: Asked) -> Generation:
        choices = [Choice(text="hi", finish_reason="stop")]
        return Generation(choices=choices, input_tokens=3, output_tokens=2, model=asked.model.id)

    async def stream(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        yield Delta(text="a", input_tokens=3, output_tokens=1)
        if self.breaks:
            raise UpstreamFailed("broke off")
        yield Delta(text="b", output_tokens=1, finish_reason="stop")
        yield Delta(usage=Usage(input_tokens=3, output_tokens=2, model=asked.model.id))

    async def count_tokens(self, asked: Asked) -> int:
        return 3

    async def close(self) -> None:
        return None


def value(name: str, **more: str) -> float:
    return REGISTRY.get_sample_value(name, {**LABELS, **more}) or 0.0


async def stream(engine: Engine) -> list[Delta]:
    async with aclosing(Observed(engine).stream(ASKED)) as deltas:
        return [delta async for delta in deltas]


async def test_a_stream_tells_its_times_its_tokens_and_who_writes_it() -> None:
    before = value("gen_ai_server_time_to_first_token_seconds_count")
    parts = await stream(Engine())
    assert (parts[0].model, parts[0].adapter) == ("test.observed", DIGEST)
    assert value("gen_ai_server_time_to_first_token_seconds_count") == before + 1
    assert value("gen_ai_server_time_per_output_token_seconds_count") >= 1
    adapter = {"adapter": DIGEST[:12], "direction": "output"}
    assert (REGISTRY.get_sample_value("undercroft_adapter_tokens_total", adapter) or 0) >= 2


async def test_tokens_are_told_by_kind() -> None:
    before = value("gen_ai_client_token_usage_sum", gen_ai_token_type="input")
    await Observed(Engine()).generate(ASKED)
    assert value("gen_ai_client_token_usage_sum", gen_ai_token_type="input") == before + 3


async def test_a_stream_that_breaks_is_told_with_what_it_had() -> None:
    errors = {"error_type": "upstream_failed"}
    before = value("gen_ai_server_request_duration_seconds_count", **errors)
    tokens = value("gen_ai_client_token_usage_sum", gen_ai_token_type="output")
    with pytest.raises(UpstreamFailed):
        await stream(Engine(breaks=True))
    assert value("gen_ai_server_request_duration_seconds_count", **errors) == before + 1
    assert value("gen_ai_client_token_usage_sum", gen_ai_token_type="output") == tokens + 1


async def test_a_bug_is_told_as_ours_and_no_caller_who_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def generate(_: Asked) -> Generation:
        raise KeyError("nobody has thought of this")

    engine = Engine()
    monkeypatch.setattr(engine, "generate", generate)
    name = "gen_ai_server_request_duration_seconds_count"
    before = value(name, error_type="internal")
    with pytest.raises(KeyError):
        await Observed(engine).generate(ASKED)
    assert value(name, error_type="internal") == before + 1


async def test_no_label_names_a_tenant() -> None:
    await Observed(Engine()).generate(ASKED)
    labels = {v for m in REGISTRY.collect() for s in m.samples for v in s.labels.values()}
    assert "secret-tenant" not in labels
