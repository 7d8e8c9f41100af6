"""Answers through any server that speaks the OpenAI chat API, at a URL from the settings only."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp

from contracts.generation import ChatDelta, ChatRequest, ChatResponse
from kit.catalogue import ModelEntry
from kit.errors import DeadlineExceeded, PlatformError, Unavailable, UpstreamFailed
from services.generation.engines.openai.events import payloads
from services.generation.engines.openai.wire import StreamReader, body, refused, whole_answer
from services.generation.settings import GenerationSettings

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_MOST_BYTES = 32 * 1024 * 1024


class OpenAIEngine:
    """Keeps connections open; a request is tried again only while no byte of its answer came."""

    def __init__(self, settings: GenerationSettings) -> None:
        if settings.openai_base_url is None:
            raise ValueError("The openai engine needs GENERATION_OPENAI_BASE_URL.")
        self._url = str(settings.openai_base_url).rstrip("/") + "/chat/completions"
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def chat(self, model: ModelEntry, request: ChatRequest) -> ChatResponse:
        async with await self._ask(body(model, request, stream=False)) as reply:
            with _Translated():
                answer = await _bounded(reply)
        return whole_answer(model, answer)

    async def stream(
        self, model: ModelEntry, request: ChatRequest
    ) -> AsyncGenerator[ChatDelta, None]:
        reader = StreamReader(model)
        async with (
            await self._ask(body(model, request, stream=True)) as reply,
            aclosing(payloads(reply.content.iter_any())) as events,
        ):
            with _Translated():
                async for payload in events:
                    if text := reader.text_of(payload):
                        yield ChatDelta(text=text)
        yield reader.finish()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(self, sent: bytes) -> aiohttp.ClientResponse:
        """A reply of status 200, to be closed by the caller; pauses between tries, with jitter."""
        pause = _FIRST_PAUSE
        for left in reversed(range(self._settings.openai_attempts)):
            try:
                return await self._try(sent)
            except Unavailable as error:
                wanted = max(pause, error.retry_after or 0.0)
                if left == 0 or wanted > _LONGEST_PAUSE:
                    raise
            await asyncio.sleep(wanted * (0.5 + secrets.randbelow(1000) / 1000))
            pause *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    async def _try(self, sent: bytes) -> aiohttp.ClientResponse:
        with _Translated():
            reply = await self._open().post(
                self._url, data=sent, headers=self._headers(), allow_redirects=False
            )
            if reply.status == 200:
                return reply
            async with reply:
                answer = await _bounded(reply)
        raise refused(reply.status, answer, reply.headers.get("retry-after"))

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if (key := self._settings.openai_api_key) is not None:
            headers["authorization"] = f"Bearer {key.get_secret_value()}"
        return headers

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # made here because a session belongs to the running loop
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    sock_connect=self._settings.openai_connect_timeout,
                    sock_read=self._settings.openai_first_byte_timeout,
                ),
                connector=aiohttp.TCPConnector(limit=self._settings.openai_concurrency),
            )
        return self._session


class _Translated:
    """Turns aiohttp's errors into leaves of ours; an unreachable server may be tried again."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, PlatformError):
            return
        if isinstance(error, aiohttp.ClientConnectorError):
            raise Unavailable("The model server cannot be reached.", retry_after=1) from error
        if isinstance(error, TimeoutError):
            raise DeadlineExceeded("The model server did not answer in time.") from error
        if isinstance(error, aiohttp.ServerDisconnectedError):
            raise Unavailable("The model server closed the connection.", retry_after=1) from error
        if isinstance(error, aiohttp.ClientError):
            raise UpstreamFailed("The model server's answer broke off; try again.") from error


async def _bounded(reply: aiohttp.ClientResponse) -> bytes:
    """The whole body; UpstreamFailed past 32 MiB."""
    parts, size = [], 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > _MOST_BYTES:
            raise UpstreamFailed("The model server's answer is larger than any answer should be.")
        parts.append(part)
    return b"".join(parts)
