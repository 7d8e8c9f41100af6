"""One HTTP exchange over ASGI: its request, its body as it arrives, and whether the client left."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from gateway.response import Response
from kit.leaving import CallerGone, unless_gone

Result = TypeVar("Result")


class ClientGone(Exception):
    """The client closed the connection before its answer was complete."""


class Channel:
    """Every door's end of the line; bodies are read once.

    Owns `receive`, so that reading the body and watching for the client's end never race."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._body_read = asyncio.Event()

    async def guard(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs `work`; cancels it, and raises ClientGone, once the client goes away."""
        try:
            return await unless_gone(work, self._until_gone)
        except CallerGone:
            raise ClientGone from None

    async def send(self, response: Response) -> None:
        is_head = self._scope["method"] == "HEAD"
        if isinstance(response.body, bytes):
            body = b"" if is_head or response.has_no_body else response.body
            if not response.has_no_body:
                response.set_default(b"content-length", str(len(response.body)))
            await self._start(response)
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._start(response)
        await self.guard(self._pump(response.body))

    async def _start(self, response: Response) -> None:
        if self._has_unread_body():
            # A client that asked to continue sends no body now; one that did not still sends it.
            # Either way the next bytes on this connection are no sure start of a request.
            response.set_default(b"connection", "close")
        await self._send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": response.headers,
            }
        )

    def _has_unread_body(self) -> bool:
        if self._body_read.is_set():
            return False
        headers = dict(self._scope["headers"])
        return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"

    async def _pump(self, body: AsyncIterator[bytes]) -> None:
        """Sends parts as they come; the source is closed however this ends."""
        if isinstance(body, AsyncGenerator):
            async with aclosing(body):
                await self._send_parts(body)
        else:
            await self._send_parts(body)

    async def _send_parts(self, body: AsyncIterator[bytes]) -> None:
        async for part in body:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def body(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                self._body_read.set()
                return

    async def _until_gone(self) -> None:
        await self._body_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
