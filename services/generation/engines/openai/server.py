"""One OpenAI-compatible server over HTTP: whole answers, and streams of events."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import aiohttp
from pydantic import SecretStr

from kit.errors import (
    DeadlineExceeded,
    Interrupted,
    PlatformError,
    TookTooLong,
    Unavailable,
    UpstreamFailed,
)
from services.generation.engines.openai.events import EventReader
from services.generation.engines.openai.refusals import refused

_MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to connect, for a stream to begin and between its parts, and for all of a request."""

    connect: float = 5.0
    read: float = 120.0
    whole: float = 3600.0

    def until(self) -> float:
        """By the monotonic clock, when a request that comes now must have ended."""
        return monotonic() + self.whole

    def of(self, until: float | None, *, is_stream: bool) -> aiohttp.ClientTimeout:
        """Of an answer in one piece nothing comes before its end, so that silence tells nothing."""
        return aiohttp.ClientTimeout(
            total=None if until is None else max(until - monotonic(), 0.001),  # 0 would be no limit
            sock_connect=self.connect,
            sock_read=self.read if until is None or is_stream else None,
        )


class BrokeOff(UpstreamFailed):
    """The connection ended before the answer did."""


class OpenAIServer:
    """Keeps connections open; follows no redirect. Errors are leaves of kit.errors."""

    def __init__(
        self,
        base_url: str,
        *,
        key: SecretStr | None = None,
        patience: Patience = Patience(),
        connections: int = 256,
        socket: Path | None = None,
        idle: float = 15.0,
    ) -> None:
        """`base_url` goes up to and with the version: http://127.0.0.1:8001/v1.

        With `socket` the connection goes to that file. One that was not used for `idle` seconds is
        not used again; it must be less than the server's own patience.
        """
        self._base = base_url.rstrip("/")
        self._headers = {"content-type": "application/json"}
        if key is not None:
            self._headers["authorization"] = f"Bearer {key.get_secret_value()}"
        self._patience, self._connections = patience, connections
        self._socket, self._idle = socket, idle
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes) -> bytes:
        """The answer to a request; at most 32 MiB."""
        async with await self.begin(path, body) as reply:
            return await self.rest(reply)

    async def get(self, path: str) -> bytes:
        """As `post`, without a body."""
        async with await self.begin(path, method="GET") as reply:
            return await self.rest(reply)

    async def begin(
        self,
        path: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        until: float | None = None,
        is_stream: bool = False,
    ) -> aiohttp.ClientResponse:
        """A reply of status 200 that has begun, to be closed by the caller.

        With `until` it is a text that is asked for, whose end must come before; else a small answer
        that comes at once.
        """
        with _Translated():
            try:
                reply = await self._open().request(
                    method,
                    self._base + path,
                    data=body,
                    headers=self._headers,
                    allow_redirects=False,
                    timeout=self._patience.of(until, is_stream=is_stream),
                )
            except aiohttp.ClientConnectorError:
                raise
            except aiohttp.ClientOSError as error:  # reset before any answer: it may be dying
                raise Interrupted("The model server broke off.", retry_after=1) from error
            if reply.status == 200:
                return reply
            async with reply:
                answer = await _bounded(reply)
        raise refused(reply.status, answer, reply.headers.get("retry-after"))

    async def rest(self, reply: aiohttp.ClientResponse) -> bytes:
        with _Translated():
            return await _bounded(reply)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # made here because a session belongs to the running loop
            self._session = aiohttp.ClientSession(connector=self._connector())
        return self._session

    def _connector(self) -> aiohttp.BaseConnector:
        limit, idle = self._connections, self._idle
        if self._socket is None:
            return aiohttp.TCPConnector(limit=limit, keepalive_timeout=idle)
        return aiohttp.UnixConnector(str(self._socket), limit=limit, keepalive_timeout=idle)


async def events(reply: aiohttp.ClientResponse) -> AsyncGenerator[list[bytes], None]:
    """The data of a reply's server-sent events, of all that are at hand; closing it closes the
    reply."""
    reader = EventReader()
    async with reply:
        with _Translated():
            async for chunk in reply.content.iter_any():
                if found := reader.feed(chunk):
                    yield found
                if reader.is_done:
                    return
            if found := reader.end():
                yield found


class _Translated:
    """Turns aiohttp's errors into leaves of ours; an unreachable server may be tried again."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, PlatformError):
            return
        if isinstance(error, aiohttp.ClientConnectorError):
            raise Unavailable("The model server cannot be reached.", retry_after=1) from error
        if isinstance(error, aiohttp.ServerTimeoutError):  # of connecting, or of a silence
            raise DeadlineExceeded("The model server did not answer in time.") from error
        if isinstance(error, TimeoutError):
            raise TookTooLong(
                "The answer took longer than a request may take here; ask for fewer tokens."
            ) from error
        if isinstance(error, aiohttp.ServerDisconnectedError):
            raise Interrupted("The model server closed the connection.", retry_after=1) from error
        if isinstance(error, aiohttp.ClientError):
            raise BrokeOff("The model server's answer broke off; try again.") from error


async def _bounded(reply: aiohttp.ClientResponse) -> bytes:
    """The whole body; UpstreamFailed past 32 MiB."""
    parts, size = [], 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > _MOST_BYTES:
            raise UpstreamFailed("The model server's answer is larger than any answer should be.")
        parts.append(part)
    return b"".join(parts)


class _NothingCame:
    """An answer that breaks off before its first byte may be asked for again."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BrokeOff | StopAsyncIteration):
            raise Interrupted("The model server broke off; try again.", retry_after=1) from error


NOTHING_CAME = _NothingCame()
