"""How one process reaches a service: over HTTP, or straight into an ASGI app mounted beside it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

import aiohttp
from fastapi import FastAPI
from starlette.types import Message

from kit.contract_routes import Routes, routes_of
from kit.errors import DeadlineExceeded, Interrupted, Unavailable
from kit.problems import from_problem

_PATIENCE = 3900.0
"""A little more than a service lets a request take: a whole answer comes at its end."""


class Transport(Protocol):
    """Sends one request; an answer of 400 or more is raised as the leaf that it tells of."""

    @property
    def routes(self) -> Routes:
        """What can be asked without bytes in between; nothing of a service elsewhere."""
        ...

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> bytes: ...

    def stream(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[bytes, None]:
        """The answer's bytes as they come; closing it early cancels the request at the service."""
        ...

    async def close(self) -> None: ...


class HttpTransport:
    """Keeps connections to one service open; leaving a stream early cancels it at the service."""

    def __init__(self, base_url: str, *, timeout: float = _PATIENCE) -> None:
        """`timeout` bounds the wait for the next byte, in seconds."""
        self.routes: Routes = {}
        self._base = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        parts = [part async for part in self.stream(method, path, headers=headers, body=body)]
        return b"".join(parts)

    async def stream(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[bytes, None]:
        try:
            async with self._open().request(
                method, self._base + path, headers=headers, data=body, allow_redirects=False
            ) as reply:
                if reply.status >= 400:
                    raise from_problem(reply.status, await reply.read())
                async for part in reply.content.iter_any():
                    yield part
        except TimeoutError as error:
            raise DeadlineExceeded("A service did not answer in time.") from error
        except aiohttp.ClientConnectorError as error:
            raise Unavailable("A service cannot be reached now.", retry_after=1) from error
        except aiohttp.ClientError as error:
            raise Interrupted("A service broke off; try again.", retry_after=1) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # made here because a session belongs to the running loop
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=aiohttp.TCPConnector(limit=0)
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class InProcessTransport:
    """Asks an app's contract routes themselves; calls it as a server would for all others."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.routes = routes_of(app)

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        status, parts = 500, []

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(_scope(method, path, headers), _Receiver(body), send)
        answer = b"".join(parts)
        if status >= 400:
            raise from_problem(status, answer)
        return answer

    async def stream(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[bytes, None]:
        messages: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=4)
        receive = _Receiver(body)

        async def run() -> None:
            try:
                await self._app(_scope(method, path, headers), receive, messages.put)
            finally:
                await messages.put(None)

        task = asyncio.create_task(run())
        try:
            start = await messages.get()
            status = start["status"] if start is not None else 500
            async with aclosing(_bodies(messages)) as parts:
                if status >= 400:
                    raise from_problem(status, b"".join([part async for part in parts]))
                async for part in parts:
                    yield part
            await task
        finally:
            receive.disconnected.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Nothing of its own to let go; the mounted app is closed by the composition root."""


class _Receiver:
    """Gives the body once, then waits for the caller to leave."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.disconnected = asyncio.Event()

    async def __call__(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.disconnected.wait()
        return {"type": "http.disconnect"}


async def _bodies(messages: "asyncio.Queue[Message | None]") -> AsyncGenerator[bytes, None]:
    while (message := await messages.get()) is not None:
        if body := message.get("body", b""):
            yield body


def _scope(method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("in-process", 0),
        "server": ("in-process", 0),
        "state": {},
    }
