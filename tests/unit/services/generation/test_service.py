"""The generation service through its typed client, in process and over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from pydantic import ValidationError

from contracts.generation.client import GenerationClient
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from contracts.transport import HttpTransport, InProcessTransport
from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.errors import NotFound, Unauthenticated, Unsupported, UpstreamFailed
from services.generation.app import catalogue, create_app
from services.generation.service.generating import Generating
from services.generation.settings import GenerationSettings
from tests.contract.openai_double import SAID, Double, openai_double, serving

WHO = Principal("tenant", "123456789012", "key")
TRUST = InternalTrust(b"k" * 32)


def asked(model: str, question: str = "How many steps?", **more: object) -> ChatRequest:
    return ChatRequest(
        model=model,
        messages=[ChatMessage(role="user", content=question)],
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    async with openai_double() as running:
        yield running


def client(settings: GenerationSettings) -> GenerationClient:
    return GenerationClient(InProcessTransport(create_app(settings, trust=TRUST)), TRUST)


async def test_an_aws_name_is_answered_by_the_extractive_answerer_which_says_so() -> None:
    service = client(GenerationSettings())
    answer = await service.generate(
        WHO,
        asked(
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2",
            passages=["The tower has 198 steps."],
        ),
    )
    assert (answer.text, answer.model) == ("The tower has 198 steps.", "undercroft.extractive-v1")


async def test_a_stream_arrives_in_parts() -> None:
    service = client(GenerationSettings())
    request = asked("extractive", passages=["The tower has 198 steps."])
    deltas = [delta async for delta in service.stream(WHO, request)]
    assert [delta.text for delta in deltas] == ["The tower has 198 steps.", ""]


async def test_an_unknown_model_is_not_found_and_says_what_would_do() -> None:
    with pytest.raises(NotFound, match=r"undercroft\.extractive-v1"):
        await client(GenerationSettings()).generate(WHO, asked("acme.nothing-v1"))


async def test_an_unknown_model_is_an_error_answer_to_a_stream_too() -> None:
    stream = client(GenerationSettings()).stream(WHO, asked("acme.nothing-v1"))
    with pytest.raises(NotFound):
        await anext(stream)


async def test_nobody_is_served_without_the_gateways_word() -> None:
    stranger = InternalTrust(b"x" * 32)
    app = create_app(GenerationSettings(), trust=TRUST)
    service = GenerationClient(InProcessTransport(app), stranger)
    with pytest.raises(Unauthenticated):
        await service.models(WHO)


async def test_a_model_of_the_settings_takes_over_the_aws_names(double: Double) -> None:
    settings = GenerationSettings(openai_base_url=double.url, openai_model="answers")
    service = client(settings)
    answer = await service.generate(WHO, asked("anthropic.claude-v2"))
    assert (answer.text, answer.model) == (SAID, "openai.answers")
    cards = {card.id: card for card in await service.models(WHO)}
    assert cards["undercroft.extractive-v1"].aliases == ["extractive"]
    assert "anthropic.claude-v2" in cards["openai.answers"].aliases


async def test_a_model_whose_engine_is_not_set_up_is_unsupported(double: Double) -> None:
    known = catalogue(GenerationSettings(openai_base_url=double.url, openai_model="answers"))
    with pytest.raises(Unsupported, match="GENERATION_OPENAI_BASE_URL"):
        await Generating(known, {}).generate(WHO, asked("openai.answers"))


async def test_an_error_in_mid_stream_reaches_the_reader(double: Double) -> None:
    settings = GenerationSettings(openai_base_url=double.url, openai_model="breaks-with-error")
    stream = client(settings).stream(WHO, asked("anthropic.claude-v2"))
    assert (await anext(stream)).text == "Half "
    with pytest.raises(UpstreamFailed, match="out of memory"):
        await anext(stream)


@pytest.mark.parametrize("behaviour", ["endless", "hangs"])
async def test_leaving_over_http_stops_the_engine_behind_at_once(
    double: Double, behaviour: str
) -> None:
    settings = GenerationSettings(openai_base_url=double.url, openai_model=behaviour)
    async with serving(create_app(settings, trust=TRUST)) as url:
        transport = HttpTransport(url)
        service = GenerationClient(transport, TRUST)
        if behaviour == "endless":
            async with aclosing(service.stream(WHO, asked("anthropic.claude-v2"))) as deltas:
                await anext(deltas)
        else:
            task = asyncio.create_task(service.generate(WHO, asked("anthropic.claude-v2")))
            while not double.seen:
                await asyncio.sleep(0.01)
            task.cancel()
        await asyncio.wait_for(double.left.wait(), 2)
        await transport.close()


@pytest.mark.parametrize(
    "member", [{"temperature": 3}, {"top_p": 0}, {"max_tokens": 0}, {"stop": [""]}, {"typo": 1}]
)
def test_a_request_out_of_range_is_refused(member: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        asked("extractive", **member)
