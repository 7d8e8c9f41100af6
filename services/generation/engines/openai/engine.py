"""Answers through any server that speaks the OpenAI API, at a URL from the settings only."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.requests import CompletionRequest
from kit.errors import Interrupted, InvalidRequest, Unavailable, Unsupported
from services.generation.engines.openai.answers import whole_answer
from services.generation.engines.openai.refusals import about_images
from services.generation.engines.openai.requests import body, path
from services.generation.engines.openai.server import OpenAIServer, Patience, events
from services.generation.engines.openai.streams import StreamReader
from services.generation.ports import Asked
from services.generation.settings import GenerationSettings

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


def patience_of(settings: GenerationSettings) -> Patience:
    """With every model server, whoever started it."""
    return Patience(settings.connect_seconds, settings.silence_seconds, settings.request_seconds)


class OpenAIEngine:
    """A request is tried again only while no byte of its answer came."""

    def __init__(self, settings: GenerationSettings) -> None:
        if settings.openai_base_url is None:
            raise ValueError("The openai engine needs GENERATION_OPENAI_BASE_URL.")
        self._patience = patience = patience_of(settings)
        self._server = OpenAIServer(
            str(settings.openai_base_url),
            key=settings.openai_api_key,
            patience=patience,
            connections=settings.openai_concurrency,
        )
        self._attempts = settings.openai_attempts

    async def generate(self, asked: Asked) -> Generation:
        async with await self._begin(asked, stream=False) as reply:
            return whole_answer(asked.model.id, await self._server.rest(reply))

    async def stream(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        reader = StreamReader(asked.model.id)
        async with aclosing(events(await self._begin(asked, stream=True))) as parts:
            async for payloads in parts:
                for delta in reader.read(payloads):
                    yield delta
        yield reader.finish()

    async def count_tokens(self, asked: Asked) -> int:
        """The OpenAI API has no way to ask."""
        raise Unsupported(
            f"The server of {asked.model.name} cannot count tokens without generating.",
            param="modelId",
        )

    async def close(self) -> None:
        await self._server.close()

    async def _begin(self, asked: Asked, *, stream: bool) -> aiohttp.ClientResponse:
        """A reply that has begun; pauses between tries, with jitter.

        What interrupted a server may do so again: it is sent once more, and told of whatever comes.
        """
        _require_tellable(asked.request)
        sent = body(asked.model.served_as or asked.model.id, asked.request, stream=stream)
        pause, until = _FIRST_PAUSE, self._patience.until()
        interrupted: Interrupted | None = None
        for left in reversed(range(self._attempts)):
            try:
                return await self._server.begin(
                    path(asked.request), sent, until=until, is_stream=stream
                )
            except Unavailable as error:
                wanted = max(pause, error.retry_after or 0.0)
                if interrupted is not None:
                    raise interrupted from error
                if left == 0 or wanted > _LONGEST_PAUSE:
                    raise
                interrupted = error if isinstance(error, Interrupted) else None
            except InvalidRequest as error:
                if (named := about_images(error, asked.request)) is not None:
                    raise named from error
                raise
            await asyncio.sleep(wanted * (0.5 + secrets.randbelow(1000) / 1000))
            pause *= 2
        raise AssertionError("unreachable: the last try returns or raises")


def _require_tellable(request: GenerateRequest) -> None:
    """A text is echoed without the server, and its answers have no prompt to tell from them.

    The wire has no mark where the tokens of an echoed prompt end.
    """
    if not isinstance(request, CompletionRequest) or not request.echo:
        return
    if request.logprobs is not None or not isinstance(request.prompt, str):
        raise Unsupported(
            "This model's server cannot tell the tokens of a prompt; leave out echo, or leave out "
            "logprobs and give the prompt as text.",
            param="echo",
        )
