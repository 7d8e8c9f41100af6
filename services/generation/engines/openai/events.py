"""Reads server-sent events from chunks of bytes that may be cut anywhere."""

from kit.errors import UpstreamFailed

MOST_BYTES = 4 * 1024 * 1024
"""Of one event; a longer one is no answer of a language model."""
_DONE = b"[DONE]"


class EventReader:
    """Fed with chunks, gives the data of the events that are whole by then.

    `is_done` once `[DONE]` has come, which is no event of its own; nothing is read after it.
    """

    def __init__(self) -> None:
        self._pending = b""
        self.is_done = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Raises UpstreamFailed for an event without an end."""
        text = self._pending + chunk
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        *whole, self._pending = text.split(b"\n\n")
        if len(self._pending) > MOST_BYTES:
            raise UpstreamFailed("The model server sent an event without an end.")
        return self._data(whole)

    def end(self) -> list[bytes]:
        """The last event may lack its empty line."""
        return self._data([self._pending])

    def _data(self, events: list[bytes]) -> list[bytes]:
        found = []
        for event in events:
            if self.is_done:
                break
            data = _data_of(event)
            if data.strip() == _DONE:
                self.is_done = True
            elif data:
                found.append(data)
        return found


def _data_of(event: bytes) -> bytes:
    """Its data; other fields, and comments, are nothing to us."""
    if b"\n" not in event:
        return event[5:].removeprefix(b" ") if event.startswith(b"data:") else b""
    return b"\n".join(filter(None, map(_data_of, event.split(b"\n"))))
