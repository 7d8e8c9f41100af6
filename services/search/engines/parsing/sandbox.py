"""The Parser port: each document is parsed in a confined process of its own, with limits."""

import asyncio
import json
import logging
import signal
import socket
from dataclasses import asdict
from typing import Any

from kit.errors import InvalidRequest, Unavailable
from services.search.engines.parsing.fork_client import ForkServer
from services.search.engines.parsing.frames import pack, receive_frame
from services.search.engines.parsing.limits import MIB, ParsingLimits
from services.search.ports import NoText, Page, ParsedDocument, ParsedRow, RecordStructure

_log = logging.getLogger(__name__)
_GRACE = 1.0  # the kernel's clock in the child comes first; this is for one that evades it
_IN_LOOP = MIB  # a larger answer is decoded in a thread


class SandboxedParser:
    """Parses hostile documents safely; belongs to one event loop."""

    def __init__(self, limits: ParsingLimits | None = None) -> None:
        self.limits = limits or ParsingLimits()
        self._server = ForkServer(json.dumps(asdict(self.limits)))
        self._free = asyncio.Semaphore(self.limits.processes)

    async def start(self) -> None:
        """Starts the process ahead of the first document, which would else wait half a second."""
        await self._server.ensure()

    async def parse(
        self, body: bytes, *, name: str, records: RecordStructure | None = None
    ) -> ParsedDocument:
        if len(body) > self.limits.file_bytes:
            maximum = self.limits.file_bytes / 1_000_000
            raise InvalidRequest(f"The file is larger than {maximum:g} MB.")
        header: dict[str, Any] = {"name": name}
        if records is not None:
            header |= {
                "content": records.content_field,
                "include": records.include_fields,
                "exclude": records.exclude_fields,
            }
        async with self._free:
            answer, text = await self._exchange(header, body)
        if len(answer) + len(text) > _IN_LOOP:
            return await asyncio.to_thread(_document, answer, text)
        return _document(answer, text)

    async def close(self) -> None:
        await self._server.stop()

    async def _exchange(self, header: dict[str, Any], body: bytes) -> tuple[bytes, bytes]:
        """One more try when another document's end took the process down with it."""
        for _ in range(2):
            await self._server.ensure()
            try:
                connection = self._server.connect()
                return await self._converse(connection, header, body)
            except (asyncio.IncompleteReadError, ConnectionError):
                _log.warning("the document parser's process was lost; starting it again")
        raise Unavailable("The document parser was restarted; try again.", retry_after=1)

    async def _converse(
        self, connection: socket.socket, header: dict[str, Any], body: bytes
    ) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            for piece in pack(header, body):
                writer.write(piece)
                await writer.drain()
            async with asyncio.timeout(self.limits.seconds + _GRACE):
                answer, text = await receive_frame(reader)
        except TimeoutError as error:
            await self._server.stop()
            raise InvalidRequest(self._too_long()) from error
        finally:
            writer.transport.abort()
        if answer.startswith(b'{"ended"'):
            raise InvalidRequest(self._reason(json.loads(answer)["ended"]))
        return answer, text

    def _reason(self, exit_code: int) -> str:
        """What ended the process before it answered."""
        if exit_code in (-signal.SIGALRM, -signal.SIGXCPU):
            return self._too_long()
        memory = self.limits.memory_bytes // MIB
        if exit_code == -signal.SIGKILL:
            return f"The document needs more than {memory} MiB."
        return f"The document is broken, or needs more than {memory} MiB: the parser crashed on it."

    def _too_long(self) -> str:
        return f"Parsing the document took longer than {self.limits.seconds:g} s."


def _document(answer: bytes, text: bytes) -> ParsedDocument:
    header = json.loads(answer)
    if "bug" in header:
        _log.error("the document parser failed: %s", header["bug"])
    if header.get("empty"):
        raise NoText(header["reason"])
    if "reason" in header:
        raise InvalidRequest(header["reason"])
    rows = header["rows"]
    return ParsedDocument(
        text.decode(),
        pages=tuple(Page(number, start) for number, start in header["pages"]),
        headings=tuple(header["headings"]),
        rows=None if rows is None else tuple(ParsedRow(*row) for row in rows),
    )
