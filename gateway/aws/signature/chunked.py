"""Decodes aws-chunked bodies while they stream: chunk signatures, trailers, and strict bounds."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NoReturn

from gateway.aws.signature.errors import S3, Malformed, mismatch
from gateway.aws.signature.sigv4 import same, sign

_LONGEST_LINE = 1024  # a chunk's head is under 100 bytes, a trailer's line not much longer
_MOST_TRAILERS = 16
_NOTHING = hashlib.sha256(b"").hexdigest()
_HEX = frozenset(b"0123456789abcdefABCDEF")
TRAILER_SIGNATURE = "x-amz-trailer-signature"


@dataclass(slots=True)
class Seal:
    """Signs chunk after chunk; `last` is the signature before, at first the request's own."""

    key: bytes
    timestamp: str
    scope: str
    last: str

    def check_chunk(self, data_hash: str, signature: str) -> None:
        self._check("PAYLOAD", f"{_NOTHING}\n{data_hash}", signature)

    def check_trailers(self, block: bytes, signature: str) -> None:
        self._check("TRAILER", hashlib.sha256(block).hexdigest(), signature)

    def _check(self, part: str, what: str, signature: str) -> None:
        head = f"AWS4-HMAC-SHA256-{part}\n{self.timestamp}\n{self.scope}\n{self.last}\n"
        self.last = sign(self.key, head + what)
        if not same(self.last, signature):
            raise mismatch(S3)


@dataclass(frozen=True, slots=True)
class Framing:
    """`length` is of the decoded body; `seal` is None where chunks are not signed."""

    length: int
    seal: Seal | None
    announced: frozenset[str] | None  # the trailers to come; None where the form has none


async def decode(
    body: AsyncIterator[bytes], framing: Framing, trailers: dict[str, str]
) -> AsyncIterator[bytes]:
    """Yields the decoded bytes and fills `trailers` at the end.

    A chunk's bytes come before its signature can be checked: they count only once this has ended
    without Refused (a signature) or Malformed (the form, or the length).
    """
    source = _Source(body)
    seen = 0
    while True:
        size, signature = _head(await source.line(), signed=framing.seal is not None)
        seen += size
        if seen > framing.length:
            _incomplete("The body is longer than x-amz-decoded-content-length.")
        digest = hashlib.sha256() if framing.seal else None
        left = size
        while left:
            data = await source.some(left)
            left -= len(data)
            if digest:
                digest.update(data)
            yield data
        if framing.seal and digest:
            framing.seal.check_chunk(digest.hexdigest(), signature)
        if size == 0:
            break
        if await source.line():
            _malformed("A chunk is longer than its head says.")
    if seen != framing.length:
        _incomplete("The body is shorter than x-amz-decoded-content-length.")
    await _read_trailers(source, framing, trailers)
    await source.end()


async def _read_trailers(source: "_Source", framing: Framing, trailers: dict[str, str]) -> None:
    found: dict[str, str] = {}
    while line := await source.line():
        name, separator, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        if not separator or name in found or len(found) == _MOST_TRAILERS:
            raise Malformed("MalformedTrailerError", "A trailer of the body is malformed.")
        found[name] = value.strip()
    signature = found.pop(TRAILER_SIGNATURE, "")
    if found.keys() != (framing.announced or frozenset()):
        message = "The trailers of the body are not those that x-amz-trailer names."
        raise Malformed("MalformedTrailerError", message)
    if framing.seal and framing.announced is not None:
        block = "".join(f"{name}:{value}\n" for name, value in found.items())
        framing.seal.check_trailers(block.encode("latin-1"), signature)
    trailers.update(found)


def _head(line: bytes, *, signed: bool) -> tuple[int, str]:
    """`HEX` or `HEX;chunk-signature=…`: the chunk's size and its signature."""
    size, separator, extension = line.partition(b";")
    if not 1 <= len(size) <= 16 or not _HEX.issuperset(size):
        _malformed("A chunk's head must begin with its size in hexadecimal.")
    name, _, signature = extension.partition(b"=")
    if signed != bool(separator) or (signed and name != b"chunk-signature"):
        _malformed("A chunk has a signature exactly where x-amz-content-sha256 says so.")
    return int(size, 16), signature.decode("latin-1")


class _Source:
    """Cuts a stream of blocks into lines and runs of bytes, copying no more than it must."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body, self._block, self._at = body, b"", 0

    async def line(self) -> bytes:
        """Up to the next CRLF, without it."""
        head = b""
        while True:
            rest = head + self._block[self._at : self._at + _LONGEST_LINE - len(head) + 2]
            end = rest.find(b"\r\n")
            if end >= 0:
                self._at += end + 2 - len(head)
                return rest[:end]
            if len(rest) > _LONGEST_LINE:
                _malformed("A chunk's head or trailer is too long.")
            head = rest
            await self._more()

    async def some(self, most: int) -> bytes:
        """Between 1 and `most` bytes."""
        if self._at >= len(self._block):
            await self._more()
        start, self._at = self._at, min(self._at + most, len(self._block))
        if start == 0 and self._at == len(self._block):
            return self._block
        return self._block[start : self._at]

    async def end(self) -> None:
        """Raises unless nothing follows."""
        if self._at < len(self._block):
            _malformed("Bytes follow the end of the body.")
        async for block in self._body:
            if block:
                _malformed("Bytes follow the end of the body.")

    async def _more(self) -> None:
        async for block in self._body:
            if block:
                self._block, self._at = block, 0
                return
        _incomplete("The body ended before its last chunk.")


def _malformed(why: str) -> NoReturn:
    raise Malformed("InvalidRequest", f"The aws-chunked body is malformed: {why}")


def _incomplete(why: str) -> NoReturn:
    raise Malformed("IncompleteBody", f"The aws-chunked body is incomplete: {why}")
