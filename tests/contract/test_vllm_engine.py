"""The vLLM engine over replicas that lose adapters, restart, hang, die and break off."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.generation.answers import Delta
from contracts.generation.messages import ChatMessage, NamedTool, Tool, ToolChoice
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.errors import (
    DeadlineExceeded,
    InvalidRequest,
    NotReady,
    PlatformError,
    RateLimited,
    TookTooLong,
    Unavailable,
    Unsupported,
    UpstreamFailed,
)
from services.generation.engines.openai import server
from services.generation.engines.openai.server import Patience
from services.generation.engines.vllm.admin import Servers, VllmAdmin
from services.generation.engines.vllm.engine import VllmEngine
from services.generation.ports import AdapterRef, Asked, PoolState, Usable
from services.generation.service.routing.admin import RequestBroke
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.router import Router
from tests.contract.vllm_double import BASE, CONTEXT, VllmDouble, vllm_double
from tests.unit.services.generation.routing.world import MODEL, Fleet

ENTRY = MODEL.model_copy(update={"id": BASE})


class World:
    """One replica, the engine over it, and what it was built of."""

    def __init__(self, double: VllmDouble, policy: Policy) -> None:
        self.double, self.fleet = double, Fleet(double.replica())
        self.usable = [Usable(BASE, adapter(name)) for name in ("es", "recent")]
        self.servers = Servers(Patience(connect=1.0, read=0.5, whole=3.0))
        self.router = Router(self.fleet, VllmAdmin(self.servers), policy, desired=self.desired)
        self.engine = VllmEngine(self.router, self.servers, b"k" * 32)

    async def desired(self) -> list[Usable]:
        return self.usable

    def restart(self, id: str) -> None:
        self.double.restart(id)
        self.fleet.ready = (self.double.replica(),)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with vllm_double() as double:
        made = World(double, Policy(tenant_queue=4, queue=8, adapters=3, patience=5.0))
        yield made
        await made.engine.close()


def adapter(name: str) -> AdapterRef:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return AdapterRef(digest, Path("/adapters") / digest, 8)


def asked(
    weights: AdapterRef | None = None, *, tenant: str = "acme", prompt: str = "Hello there"
) -> Asked:
    return Asked(tenant, ENTRY, CompletionRequest(model=BASE, prompt=prompt), weights)


async def collected(world: World, request: Asked) -> list[Delta]:
    async with aclosing(world.engine.stream(request)) as deltas:
        return [delta async for delta in deltas]


async def test_an_adapter_is_loaded_once_under_its_digest_and_then_asked(world: World) -> None:
    es = adapter("es")
    answers = await asyncio.gather(*(world.engine.generate(asked(es)) for _ in range(5)))
    assert {answer.text for answer in answers} == {f"{es.digest[:4]}: One two three four."}
    assert {answer.adapter for answer in answers} == {es.digest}
    assert world.double.loads == [es.digest]
    assert world.double.adapters == {es.digest: str(es.folder)}


@pytest.mark.parametrize(
    ("choice", "held"), [("required", True), (NamedTool(name="weather"), True), ("auto", False)]
)
async def test_a_call_that_must_be_made_is_held_to_its_schema(
    world: World, choice: ToolChoice, held: bool
) -> None:
    schema = {"type": "object", "properties": {}}
    chat = ChatRequest(
        model=BASE,
        messages=[ChatMessage(role="user", content="Hello")],
        tools=[Tool(name="weather", parameters=schema)],
        tool_choice=choice,
    )
    await world.engine.generate(Asked("acme", ENTRY, chat))
    (tool,) = world.double.seen[0]["tools"]
    assert tool["function"].get("strict", False) is held


@pytest.mark.parametrize(("choice", "text"), [("required", ""), ("auto", "<tool_call>")])
async def test_a_call_that_must_be_made_and_was_cut_is_no_text(
    world: World, choice: ToolChoice, text: str
) -> None:
    chat = ChatRequest(
        model=BASE,
        messages=[ChatMessage(role="user", content="Hello")],
        tools=[Tool(name="weather", parameters={"type": "object"})],
        tool_choice=choice,
        max_tokens=1,
    )
    made = await world.engine.generate(Asked("acme", ENTRY, chat))
    assert (made.text, made.first.finish_reason) == (text, "length")


async def test_tenants_do_not_share_the_prefix_cache_nor_see_each_others_names(
    world: World,
) -> None:
    for tenant in ("acme", "other", "acme"):
        await world.engine.generate(asked(tenant=tenant))
    first, other, again = (seen["cache_salt"] for seen in world.double.seen)
    assert first == again != other
    assert "acme" not in first


async def test_a_stream_counts_its_tokens_part_by_part(world: World) -> None:
    *parts, last = await collected(world, asked())
    assert [part.output_tokens for part in parts] == [len(part.text.split()) for part in parts]
    assert sum(part.output_tokens for part in parts) == 5
    assert [part.input_tokens for part in parts] == [2, *[0] * (len(parts) - 1)]
    assert last.usage is not None
    assert (last.usage.input_tokens, last.usage.output_tokens) == (2, 5)


async def test_more_adapters_than_places_take_turns(world: World) -> None:
    world.double.trouble = "slow"
    refs = [adapter(str(number)) for number in range(3)] * 2
    answers = await asyncio.gather(
        *(world.engine.generate(asked(ref, tenant=ref.digest)) for ref in refs)
    )
    assert [answer.adapter for answer in answers] == [ref.digest for ref in refs]
    assert world.double.most_adapters <= 2
    assert not world.double.overlapping_loads


async def test_the_adapter_used_least_lately_makes_room(world: World) -> None:
    for name in ("one", "two", "three", "four"):
        await world.engine.generate(asked(adapter(name)))
    kept = {adapter(name).digest for name in ("two", "three", "four")}
    assert set(world.double.adapters) == kept


async def test_an_adapter_that_a_replica_forgot_is_loaded_again_unseen(world: World) -> None:
    es = adapter("es")
    await world.engine.generate(asked(es))
    world.double.adapters.clear()
    assert (await world.engine.generate(asked(es))).adapter == es.digest
    world.double.adapters.clear()
    assert (await collected(world, asked(es)))[-1].usage is not None
    assert len(world.double.loads) == 3


async def test_after_a_restart_the_pinned_and_the_recent_are_there_again(world: World) -> None:
    pinned, recent = adapter("pinned"), adapter("recent")
    world.usable.append(Usable(BASE, pinned, pinned=True))
    await world.engine.generate(asked(recent))
    world.restart("second")
    await world.router.reconcile()
    assert set(world.double.adapters) == {pinned.digest, recent.digest}
    await world.engine.generate(asked(recent))


async def test_the_client_of_a_replica_that_has_gone_is_closed(world: World) -> None:
    await world.engine.generate(asked())
    gone = world.servers.of(world.double.replica())
    world.restart("second")
    await world.router.reconcile()
    await world.engine.generate(asked())
    assert gone._session is not None
    assert gone._session.closed


async def test_what_nobody_asked_for_is_unloaded(world: World) -> None:
    await world.engine.generate(asked(adapter("es")))
    world.double.adapters["f" * 64] = "/adapters/unknown"
    await world.router.reconcile()
    assert set(world.double.adapters) == {adapter("es").digest}


async def test_a_removed_adapter_is_drained_then_unloaded(world: World) -> None:
    es = adapter("es")
    world.double.trouble = "slow"
    running = asyncio.create_task(world.engine.generate(asked(es)))
    while not world.double.seen:
        await asyncio.sleep(0.01)
    world.usable = []
    await world.router.reconcile()
    assert es.digest in world.double.adapters
    await running
    await world.router.reconcile()
    assert es.digest not in world.double.adapters


async def test_a_stream_that_breaks_off_fails_with_what_came_counted(world: World) -> None:
    world.double.trouble = "cut"
    async with aclosing(world.engine.stream(asked())) as deltas:
        parts = [await anext(deltas), await anext(deltas)]
        with pytest.raises(UpstreamFailed):
            await anext(deltas)
    assert sum(part.output_tokens for part in parts) == 2
    world.double.trouble = ""
    assert (await world.engine.generate(asked())).text


async def test_leaving_frees_the_place_and_stops_the_server_at_once(world: World) -> None:
    world.double.trouble = "hangs"
    for call in (world.engine.generate(asked()), collected(world, asked())):
        world.double.left.clear()
        task = asyncio.create_task(call)
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait_for(world.double.left.wait(), 2)
        assert world.fleet.told == 0


async def test_a_whole_answer_may_take_longer_than_a_stream_may_be_silent(world: World) -> None:
    world.double.trouble = "late"
    assert (await world.engine.generate(asked())).text
    with pytest.raises(DeadlineExceeded):
        await collected(world, asked())


async def test_whole_answers_that_take_too_long_do_not_shut_a_server_to_others(
    world: World,
) -> None:
    world.double.trouble = "hangs"
    late = [asyncio.create_task(world.engine.generate(asked())) for _ in range(4)]
    ended = await asyncio.gather(*late, return_exceptions=True)
    assert [type(one) for one in ended] == [TookTooLong] * 4
    assert len(world.double.seen) == 4, "each is asked for once"
    world.double.trouble = ""
    assert (await world.engine.generate(asked())).text


async def test_an_answer_that_is_too_large_is_made_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_BYTES", 10)
    with pytest.raises(UpstreamFailed, match="larger than"):
        await world.engine.generate(asked())
    assert len(world.double.seen) == 1


@pytest.mark.parametrize(("code", "told"), [("400", InvalidRequest), ("500", RequestBroke)])
async def test_streams_that_cannot_begin_do_not_shut_a_server_to_others(
    world: World, code: str, told: type[PlatformError]
) -> None:
    world.double.trouble = code
    for _ in range(8):
        with pytest.raises(told, match="Grammar error"):
            await collected(world, asked())
    world.double.trouble = ""
    assert (await world.engine.generate(asked())).text


async def test_several_answers_with_their_prompt_are_not_streamed(world: World) -> None:
    request = CompletionRequest(model=BASE, prompt="Say", echo=True, n=2)
    with pytest.raises(Unsupported, match="cannot be streamed"):
        await collected(world, replace(asked(), request=request))
    assert not world.double.seen


async def test_another_replica_answers_what_one_failed_to_begin(world: World) -> None:
    async with vllm_double("other") as other:
        world.double.trouble = "dies"
        world.fleet.ready = (world.double.replica(), other.replica())
        for _ in range(4):
            assert (await world.engine.generate(asked())).text
        assert len(other.seen) == 4


async def test_replicas_that_are_all_dead_are_unavailable_within_a_second(world: World) -> None:
    world.double.trouble = "dies"
    began = time.monotonic()
    for _ in range(6):
        with pytest.raises(Unavailable) as refused:
            await world.engine.generate(asked())
        assert refused.value.retry_after
    assert time.monotonic() - began < 2
    assert len(world.double.seen) <= 6, "the breaker lets nothing through once it is open"


async def test_a_model_that_starts_is_not_ready_and_says_when(world: World) -> None:
    world.fleet.ready, world.fleet.said = (), PoolState("starting", 0, 1, retry_after=7.0)
    with pytest.raises(NotReady) as refused:
        await world.engine.generate(asked())
    assert refused.value.retry_after == 7.0


async def test_a_model_that_failed_says_so_without_the_inside(world: World) -> None:
    world.fleet.ready, world.fleet.said = (), PoolState("failed", 0, 1, reason="CUDA: /dev/x")
    with pytest.raises(Unavailable) as refused:
        await world.engine.generate(asked())
    assert "CUDA" not in refused.value.message
    assert not isinstance(refused.value, NotReady)


async def test_a_full_line_refuses_the_tenant_who_fills_it_and_no_other(world: World) -> None:
    world.double.trouble = "slow"
    calls = [asyncio.create_task(world.engine.generate(asked(tenant="flood"))) for _ in range(30)]
    await asyncio.sleep(0.02)
    assert (await world.engine.generate(asked(tenant="small"))).text
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, RateLimited)]
    assert refused
    assert all(error.retry_after for error in refused)
    assert len(refused) + sum(not isinstance(o, BaseException) for o in outcomes) == 30


async def test_a_context_too_long_names_both_numbers(world: World) -> None:
    request = CompletionRequest(model=BASE, prompt="word " * 120, max_tokens=7)
    with pytest.raises(InvalidRequest, match=rf"120 tokens.* 7 .*at most {CONTEXT}") as refused:
        await world.engine.generate(Asked("acme", ENTRY, request))
    assert "max_tokens" not in refused.value.message, "each wire has a name of its own for it"


async def test_tokens_are_counted_by_the_server_with_the_whole_chat(world: World) -> None:
    chat = ChatRequest(model=BASE, messages=[ChatMessage(role="user", content="a b c")])
    assert await world.engine.count_tokens(Asked("acme", ENTRY, chat)) == 3
    assert await world.engine.count_tokens(asked(prompt="a b")) == 2
