"""HTTP/1.1 as every process reads it: heads are bounded in size, in headers and in time."""

from asyncio import AbstractEventLoop, Transport
from typing import Any, ClassVar, Final, cast

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from kit.corked import CorkedTransport

MAX_HEAD: Final = 64 << 10
"""Bytes of a request line with its headers, and of what stands between two pieces of a body."""
MAX_HEADERS: Final = 200
_REFUSAL: Final = b"The request's head is too large."


class _HeadTooLarge(Exception):
    """Stops the parser in mid-request."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 431 and closes where a head is too large; closes where it does not come to its end.

    httptools copies a header anew for every piece of it that arrives, so bytes are counted as
    pieces come, not when the header is whole. What comes in one piece with the end of the request
    before is not counted: it is bounded by the size of a read.
    """

    head_seconds: ClassVar[float] = 30.0
    """A head that takes longer is given up, after at least half of this."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._unparsed = 0  # bytes since the parser last came to the end of something
        self._in_head = True  # or before it
        self._requests = self._requests_before = 0
        self._refused = False

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._corked = CorkedTransport(transport, self.loop)
        super().connection_made(cast(Transport, self._corked))
        self._watch = self.loop.call_later(self.head_seconds / 2, self._look)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > MAX_HEAD and not self._refused:
            self._refuse()

    @override
    def on_message_begin(self) -> None:
        self._requests += 1
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        if len(self.headers) > MAX_HEADERS or (
            self._unparsed > MAX_HEAD and self._size() > MAX_HEAD
        ):
            self._refuse()
            raise _HeadTooLarge
        self._unparsed, self._in_head = 0, False
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._unparsed, self._in_head = 0, True
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        self._corked.flush()
        super().on_response_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        if not self._refused:  # else the parser only tells of what we stopped it for
            self._refused = True
            super().send_400_response(msg)

    def _cycle(self) -> RequestResponseCycle | None:
        return self.cycle  # whose type tells nothing of a connection without a request yet

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse(self) -> None:
        self._refused = True
        cycle = self._cycle()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"content-type: text/plain; charset=utf-8\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
            )
        self.transport.close()

    def _look(self) -> None:
        """Closes a connection that awaits the head that it awaited at the last look, too."""
        cycle = self._cycle()
        answered = cycle is None or cycle.response_complete
        awaits_head = self._in_head and answered and self.timeout_keep_alive_task is None
        if awaits_head and self._requests == self._requests_before:
            self.transport.close()
            return
        self._requests_before = self._requests
        self._watch = self.loop.call_later(self.head_seconds / 2, self._look)
