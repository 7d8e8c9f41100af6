"""A transport that sends what is written in one turn of the loop together, in one system call."""

from asyncio import AbstractEventLoop, Transport
from typing import Any

_MOST_HELD = 64 << 10


class CorkedTransport:
    """Stands before a server's transport; a head and its body, or tokens at hand, go out as one.

    Every packet costs more than all the work on a short answer that is not the model's.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Goes out with the loop's next turn, with `flush` or `close`, or when much is held."""
        if not data:
            return
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MOST_HELD:
            self.flush()

    def flush(self) -> None:
        if self._held:
            held, self._held, self._size = self._held, [], 0
            if not self._transport.is_closing():
                self._transport.writelines(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        """All else is the transport's own."""
        return getattr(self._transport, name)
