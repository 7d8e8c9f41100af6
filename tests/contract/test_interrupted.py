"""A server that goes away under a request is told apart from one that never had it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from contracts.transport import HttpTransport
from kit.errors import Interrupted, Unavailable
from services.generation.engines.openai.engine import OpenAIEngine
from services.generation.engines.openai.server import Patience
from services.generation.engines.vllm.admin import Servers, VllmAdmin
from services.generation.engines.vllm.engine import VllmEngine
from services.generation.ports import Asked, EngineLimits, Replica
from services.generation.service.routing.admin import AdapterUnusable
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.router import Router
from services.generation.settings import GenerationSettings
from tests.unit.services.generation.routing.world import MODEL, Fleet, adapter

REQUEST = ChatRequest(model=MODEL.id, messages=[ChatMessage(role="user", content="x")])
ASKED = Asked("t", MODEL, REQUEST)
SAYS_SO = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n"
    b"connection: close\r\n\r\n"
    b'{"error": {"message": "EngineCore encountered an issue. See stack trace (above)."}}'
)
HALF = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"


@dataclass
class Dying:
    """Reads a request, says its last words, and closes or resets the connection."""

    words: bytes = b""
    resets: bool = False
    url: str = ""
    asked: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        writer.write(self.words)
        if self.resets:
            writer.transport.abort()
        writer.close()


@asynccontextmanager
async def running(dying: Dying) -> AsyncIterator[Dying]:
    server = await asyncio.start_server(dying.serve, "127.0.0.1", 0)
    async with server:
        dying.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield dying


def openai(url: str) -> OpenAIEngine:
    return OpenAIEngine(GenerationSettings(openai_base_url=f"{url}/v1", openai_attempts=5))


def vllm(url: str) -> VllmEngine:
    fleet = Fleet(Replica("only", f"{url}/v1", EngineLimits(100, 8, 0, 16)))
    servers = Servers(Patience(connect=1.0, read=1.0, whole=3.0))
    return VllmEngine(Router(fleet, VllmAdmin(servers), Policy()), servers, b"k" * 32)


@pytest.mark.parametrize("dying", [Dying(), Dying(resets=True), Dying(SAYS_SO)], ids=str)
async def test_a_request_that_interrupts_a_server_is_sent_once_more(dying: Dying) -> None:
    async with running(dying):
        engine = openai(dying.url)
        with pytest.raises(Interrupted):
            await engine.generate(ASKED)
        await engine.close()
    assert dying.asked == 2


@pytest.mark.parametrize("dying", [Dying(), Dying(SAYS_SO), Dying(HALF)], ids=str)
async def test_a_replica_that_dies_is_told_as_interrupted(dying: Dying) -> None:
    async with running(dying):
        engine = vllm(dying.url)
        with pytest.raises(Interrupted):
            await engine.generate(ASKED)
        await engine.close()
    assert dying.asked <= 2


@pytest.mark.parametrize("dying", [Dying(), Dying(SAYS_SO), Dying(HALF)], ids=str)
async def test_a_server_that_dies_under_a_load_says_nothing_of_the_adapter(dying: Dying) -> None:
    async with running(dying):
        servers = Servers(Patience(connect=1.0, read=1.0, whole=3.0))
        only = Replica("only", f"{dying.url}/v1", EngineLimits(100, 8, 1, 16))
        with pytest.raises(Interrupted):
            await VllmAdmin(servers).load(only, adapter("es"))
        await servers.close()


async def test_what_a_server_cannot_load_is_the_adapters_fault() -> None:
    refusal = SAYS_SO.replace(b"EngineCore encountered an issue.", b"Loading it failed.")
    async with running(Dying(refusal)) as living:
        servers = Servers(Patience(connect=1.0, read=1.0, whole=3.0))
        only = Replica("only", f"{living.url}/v1", EngineLimits(100, 8, 1, 16))
        with pytest.raises(AdapterUnusable, match="Loading it failed"):
            await VllmAdmin(servers).load(only, adapter("es"))
        await servers.close()


async def test_a_service_that_dies_is_told_as_interrupted() -> None:
    async with running(Dying()) as dying:
        transport = HttpTransport(dying.url)
        with pytest.raises(Interrupted):
            await transport.request("POST", "/x", headers={}, body=b"{}")
        await transport.close()


async def test_what_never_reached_a_server_interrupted_nothing() -> None:
    async with running(Dying()) as gone:
        pass
    for engine in (openai(gone.url), vllm(gone.url)):
        with pytest.raises(Unavailable) as refused:
            await engine.generate(ASKED)
        assert not isinstance(refused.value, Interrupted)
        await engine.close()
    transport = HttpTransport(gone.url)
    with pytest.raises(Unavailable) as refused:
        await transport.request("POST", "/x", headers={}, body=b"{}")
    assert not isinstance(refused.value, Interrupted)
    await transport.close()
