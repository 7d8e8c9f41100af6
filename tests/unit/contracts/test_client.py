"""A service answers the same in this process, where contracts are handed over, and over HTTP."""

from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.client import ServiceClient
from contracts.contract import Contract
from contracts.transport import HttpTransport, InProcessTransport
from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute, StreamRoute, mount
from kit.errors import Internal, NotFound
from kit.service import service_app
from services.generation.settings import GenerationSettings
from tests.contract.openai_double import serving

WHO = Principal("t", "123456789012", "key")
TRUST = InternalTrust(b"k" * 32)


class Ask(Contract):
    word: str


class Told(Contract):
    text: str


class Other(Contract):
    number: int


LINE = TypeAdapter(Told)


async def spelled(who: Principal, asked: Ask) -> AsyncGenerator[Told, None]:
    for letter in asked.word:
        if letter == "?":
            raise NotFound("There is no such letter.", param="word")
        yield Told(text=f"{who.tenant}:{letter}")


async def whole(who: Principal, asked: Ask) -> Told:
    if asked.word == "bug":
        raise ZeroDivisionError("a secret")
    return Told(text="".join([part.text async for part in spelled(who, asked)]))


@pytest.fixture(params=["in process", "over HTTP"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[ServiceClient]:
    app = service_app("Test", trust=TRUST)
    mount(app, TRUST, {"/whole": ContractRoute(Ask, whole), "/parts": StreamRoute(Ask, spelled)})
    if request.param == "in process":
        yield ServiceClient(InProcessTransport(app), TRUST)
        return
    async with serving(app) as url:
        transport = HttpTransport(url)
        yield ServiceClient(transport, TRUST)
        await transport.close()


async def call(client: ServiceClient, word: str) -> Told:
    return await client._call(WHO, "/whole", Ask(word=word), Told)


async def test_an_answer_is_the_contract(client: ServiceClient) -> None:
    assert await call(client, "ab") == Told(text="t:at:b")


async def test_a_refusal_is_the_leaf_that_the_service_raised(client: ServiceClient) -> None:
    with pytest.raises(NotFound, match="no such letter") as refused:
        await call(client, "?")
    assert refused.value.param == "word"


async def test_a_bug_is_told_without_what_it_says(client: ServiceClient) -> None:
    with pytest.raises(Internal) as failed:
        await call(client, "bug")
    assert "secret" not in failed.value.message


async def test_an_answer_of_another_contract_is_a_fault_of_the_platform(
    client: ServiceClient,
) -> None:
    with pytest.raises(Internal, match="contract"):
        await client._call(WHO, "/whole", Ask(word="a"), Other)


async def test_parts_come_until_one_breaks(client: ServiceClient) -> None:
    parts = client._lines(WHO, "/parts", Ask(word="a?"), LINE)
    assert await anext(parts) == Told(text="t:a")
    with pytest.raises(NotFound, match="no such letter"):
        await anext(parts)


async def test_a_process_waits_for_as_long_as_a_service_lets_a_request_take() -> None:
    longest = GenerationSettings(request_seconds=3600).request_seconds
    with pytest.raises(ValidationError):
        GenerationSettings(request_seconds=longest + 1)
    waits = HttpTransport("http://service")._timeout.sock_read
    assert waits is not None
    assert waits > longest
