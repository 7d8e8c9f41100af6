"""The routed engine on one real server with room for two adapters, beside PEFT's own answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.catalogue import ModelEntry, load
from kit.errors import InvalidRequest
from services.generation.engines.openai.server import Patience
from services.generation.engines.vllm.admin import Servers, VllmAdmin
from services.generation.engines.vllm.engine import VllmEngine
from services.generation.ports import AdapterRef, Asked, Replica
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.router import Router
from tests.support.vllm import NAME, Tiny
from tests.unit.services.generation.routing.world import Fleet

TOKENS = 8
PROMPT = "Say hello"


class World:
    """The engine over the server, with the adapters under digests of their names."""

    def __init__(self, replica: Replica, tiny: Tiny) -> None:
        self.tiny = tiny
        self.model: ModelEntry = load().with_folder(NAME, tiny.model).find(NAME)
        self.tokenizer = Tokenizer.from_file(str(tiny.model / "tokenizer.json"))
        self.prompt: list[int] = self.tokenizer.encode(PROMPT).ids
        servers = Servers(Patience())
        self.admin = VllmAdmin(servers)
        self.fleet, self.replica = Fleet(replica), replica
        self.router = Router(self.fleet, self.admin, Policy(adapters=3, patience=200.0))
        self.engine = VllmEngine(self.router, servers, b"k" * 32)

    def adapter(self, name: str) -> AdapterRef | None:
        if not name:
            return None
        return AdapterRef(name.encode().hex().ljust(64, "0"), self.tiny.adapters[name], 64)

    def ask(self, adapter: str = "", *, tokens: int = TOKENS, **more: object) -> Asked:
        request = CompletionRequest(
            model=self.model.id,
            prompt=PROMPT,
            max_tokens=tokens,
            temperature=0,
            **more,  # type: ignore[arg-type]
        )
        return Asked(f"tenant-{adapter}", self.model, request, self.adapter(adapter))


@pytest.fixture
async def world(vllm_replica: Replica, tiny: Tiny) -> AsyncIterator[World]:
    made = World(vllm_replica, tiny)
    yield made
    for digest in await made.admin.loaded(vllm_replica):
        await made.admin.unload(vllm_replica, digest)
    await made.engine.close()


@pytest.fixture(scope="module")
def oracle(tiny: Tiny) -> dict[str, list[int]]:
    prompt = Tokenizer.from_file(str(tiny.model / "tokenizer.json")).encode(PROMPT).ids
    return {name: rows[0] for name, rows in tiny.oracle([prompt], TOKENS).items()}


def ids(tokens: Sequence[object] | None) -> list[int]:
    return [token.id for token in tokens or ()]  # type: ignore[attr-defined]


async def test_more_adapters_than_places_answer_together_each_as_peft_says(
    world: World, oracle: dict[str, list[int]]
) -> None:
    names = ["", *world.tiny.adapters] * 3
    answers = await asyncio.gather(
        *(world.engine.generate(world.ask(name, logprobs=1)) for name in names)
    )
    assert [ids(answer.first.tokens) for answer in answers] == [oracle[name] for name in names]
    assert len(await world.admin.loaded(world.replica)) <= 3


async def test_a_stream_tells_the_same_tokens_and_counts_each_part(
    world: World, oracle: dict[str, list[int]]
) -> None:
    async with aclosing(world.engine.stream(world.ask("es", logprobs=1))) as deltas:
        *parts, last = [delta async for delta in deltas]
    said = [id for part in parts for id in ids(part.tokens)]
    assert said == oracle["es"]
    assert last.usage is not None
    assert sum(part.output_tokens for part in parts) == last.usage.output_tokens == TOKENS
    assert sum(part.input_tokens for part in parts) == last.usage.input_tokens
    assert last.usage.input_tokens == await world.engine.count_tokens(world.ask("es"))


@pytest.mark.parametrize("logprobs", [None, 2])
async def test_an_echo_tells_the_prompts_tokens_apart_from_the_answers(
    world: World, oracle: dict[str, list[int]], logprobs: int | None
) -> None:
    request = world.ask(echo=True, logprobs=logprobs)
    whole = await world.engine.generate(request)
    assert ids(whole.prompt_tokens) == world.prompt
    assert ids(whole.first.tokens) == oracle[""]
    assert whole.text == world.tokenizer.decode(oracle[""])
    async with aclosing(world.engine.stream(request)) as deltas:
        parts = [delta async for delta in deltas]
    assert [id for part in parts for id in ids(part.prompt_tokens)] == world.prompt
    assert "".join(part.text for part in parts) == whole.text


async def test_chats_count_their_template(world: World) -> None:
    chat = ChatRequest(
        model=world.model.id, messages=[ChatMessage(role="user", content=PROMPT)], max_tokens=1
    )
    asked = Asked("tenant", world.model, chat)
    counted = await world.engine.count_tokens(asked)
    assert counted == (await world.engine.generate(asked)).input_tokens > len(world.prompt)


async def test_a_context_too_long_is_told_with_the_true_number(world: World) -> None:
    most = world.replica.limits.context
    prompt = world.prompt * most
    request = CompletionRequest(model=world.model.id, prompt=prompt, max_tokens=5)
    with pytest.raises(InvalidRequest, match=rf"{len(prompt)} tokens.*at most {most}"):
        await world.engine.generate(Asked("tenant", world.model, request))
    text = " ".join([PROMPT] * most)
    count = len(world.tokenizer.encode(text).ids)
    request = CompletionRequest(model=world.model.id, prompt=text, max_tokens=5)
    with pytest.raises(InvalidRequest, match=rf"{count} tokens.*at most {most}"):
        await world.engine.generate(Asked("tenant", world.model, request))


async def test_an_adapter_that_the_server_forgot_comes_back_unseen(
    world: World, oracle: dict[str, list[int]]
) -> None:
    await world.engine.generate(world.ask("fr"))
    (digest,) = await world.admin.loaded(world.replica)
    await world.admin.unload(world.replica, digest)
    answer = await world.engine.generate(world.ask("fr", logprobs=0))
    assert ids(answer.first.tokens) == oracle["fr"]


async def test_weights_that_cannot_be_loaded_are_told_and_harm_nobody(
    world: World, tmp_path: Path
) -> None:
    broken = Asked("t", world.model, world.ask().request, AdapterRef("b" * 64, tmp_path, 8))
    for _ in range(4):
        with pytest.raises(Exception, match="cannot be loaded"):
            await world.engine.generate(broken)
    assert (await world.engine.generate(world.ask())).text


async def test_leaving_a_stream_lets_the_next_one_in_at_once(world: World) -> None:
    for _ in range(40):
        async with aclosing(world.engine.stream(world.ask("es", tokens=500))) as deltas:
            await anext(deltas)
        assert world.fleet.told == 0
    assert (await world.engine.generate(world.ask("es"))).text
