"""aws-chunked bodies come out whole however they are cut, and any altered byte is found."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from gateway.aws.request import AwsRequest
from gateway.aws.signature.authenticate import Authenticated, Authenticator
from gateway.aws.signature.chunked import Seal
from gateway.aws.signature.errors import Malformed, Refused
from gateway.aws.signature.sigv4 import signing_key
from kit.errors import InvalidRequest, PlatformError
from tests.unit.gateway.aws.signature.signing import (
    NOW,
    REGION,
    SECRET,
    TwoTenants,
    code_of,
    signed,
    stream,
)

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
TRAILER = "x-amz-checksum-crc32"


def head(form: str, length: int, trailer: str = "") -> AwsRequest:
    """A signed PUT that announces such a body."""
    headers = {"x-amz-decoded-content-length": str(length), "content-encoding": "aws-chunked"}
    if trailer:
        headers["x-amz-trailer"] = trailer
    return signed("header", "s3", method="PUT", headers=headers, payload=form)


def seal(request: AwsRequest) -> Seal:
    timestamp = request.header("x-amz-date")
    date = timestamp[:8]
    signature = request.header("authorization").rpartition("=")[2]
    key = signing_key(SECRET, date, REGION, "s3")
    return Seal(key, timestamp, f"{date}/{REGION}/s3/aws4_request", signature)


class Signing(Seal):
    """The client's side of the same chain: takes note of the signature instead of comparing."""

    __slots__ = ()

    def make(self, part: str, what: str) -> str:
        try:
            self._check(part, what, "")
        except PlatformError:
            return self.last
        raise AssertionError


def signed_body(request: AwsRequest, chunks: list[bytes], trailers: dict[str, str] | None) -> bytes:
    own = seal(request)
    client = Signing(own.key, own.timestamp, own.scope, own.last)
    nothing = hashlib.sha256(b"").hexdigest()
    out = b""
    for chunk in [*chunks, b""]:
        signature = client.make("PAYLOAD", f"{nothing}\n{hashlib.sha256(chunk).hexdigest()}")
        out += f"{len(chunk):x};chunk-signature={signature}\r\n".encode()
        out += chunk + b"\r\n" if chunk else b""
    if trailers is not None:
        block = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        signature = client.make("TRAILER", hashlib.sha256(block.encode()).hexdigest())
        out += block.replace("\n", "\r\n").encode()
        out += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return out + b"\r\n"


def pieces(data: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return stream(*(data[a:b] for a, b in pairwise(marks)))


def read(request: AwsRequest, body: AsyncIterator[bytes]) -> tuple[Authenticated, bytes]:
    async def run() -> tuple[Authenticated, bytes]:
        gate = Authenticator(TwoTenants(), clock=lambda: NOW, allow_unsigned_over_http=True)
        result = await gate.authenticate(replace(request, body=body), service="s3")
        return result, b"".join([block async for block in result.body])

    return asyncio.run(run())


chunk_lists = st.lists(st.binary(min_size=1, max_size=300), max_size=5)
cut_lists = st.lists(st.integers(0, 10_000), max_size=30)


@given(chunks=chunk_lists, cuts=cut_lists, with_trailer=st.booleans())
def test_signed_chunks_come_out_whole_in_any_cut(
    chunks: list[bytes], cuts: list[int], with_trailer: bool
) -> None:
    whole = b"".join(chunks)
    trailers = {TRAILER: "AAAAAA=="} if with_trailer else None
    form = f"{SIGNED}-TRAILER" if with_trailer else SIGNED
    request = head(form, len(whole), TRAILER if with_trailer else "")
    result, data = read(request, pieces(signed_body(request, chunks, trailers), cuts))
    assert data == whole
    assert result.trailers == (trailers or {})
    assert result.length == len(whole)


@given(data=st.binary(max_size=2000), cuts=cut_lists, size=st.integers(1, 700))
def test_botocores_unsigned_chunks_come_out_with_their_checksum(
    data: bytes, cuts: list[int], size: int
) -> None:
    wrapper = AwsChunkedWrapper(
        io.BytesIO(data), checksum_cls=Crc32Checksum, checksum_name=TRAILER, chunk_size=size
    )
    request = head("STREAMING-UNSIGNED-PAYLOAD-TRAILER", len(data), TRAILER)
    result, out = read(request, pieces(wrapper.read(), cuts))
    assert out == data
    assert result.trailers == {TRAILER: Crc32Checksum().handle(io.BytesIO(data))}


@given(position=st.integers(0, 10_000), change=st.integers(1, 255), trailer=st.booleans())
def test_any_altered_byte_of_a_signed_body_is_refused(
    position: int, change: int, trailer: bool
) -> None:
    chunks, trailers = [b"hello" * 9, b"world"], {TRAILER: "AAAAAA=="} if trailer else None
    form = f"{SIGNED}-TRAILER" if trailer else SIGNED
    request = head(form, 50, TRAILER if trailer else "")
    body = bytearray(signed_body(request, chunks, trailers))
    position %= len(body)
    body[position] ^= change
    with suppress(Refused, Malformed):
        _, data = read(request, stream(bytes(body)))
        # Let in only as another way to write the same: a letter in capitals.
        assert data == b"".join(chunks)
        assert change == 0x20


@given(chunks=st.lists(st.binary(min_size=1, max_size=50), min_size=2, max_size=4, unique=True))
def test_chunks_cannot_change_places(chunks: list[bytes]) -> None:
    request = head(SIGNED, sum(map(len, chunks)))
    body = signed_body(request, chunks, None)
    ends = [0]
    for chunk in chunks:
        ends.append(body.index(b"\r\n", ends[-1]) + 2 + len(chunk) + 2)
    first, second = body[: ends[1]], body[ends[1] : ends[2]]
    swapped = second + first + body[ends[2] :]
    assert code_of(lambda: read(request, stream(swapped))) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("keep", [0, 10, 60, 95, 100, 140, 190])
def test_a_cut_body_is_incomplete(keep: int) -> None:
    request = head(SIGNED, 50)
    body = signed_body(request, [b"hello" * 10], None)
    assert keep < len(body)
    assert code_of(lambda: read(request, stream(body[:keep]))) == "IncompleteBody"


UNSIGNED_CASES = {
    b"zz\r\n": "InvalidRequest",
    b"\r\n": "InvalidRequest",
    b"-5\r\nhello\r\n0\r\n\r\n": "InvalidRequest",
    b"5;chunk-signature=00\r\nhello\r\n0\r\n\r\n": "InvalidRequest",
    b"5\r\nhelloX\r\n0\r\n\r\n": "InvalidRequest",
    b"6\r\nhello!\r\n0\r\n\r\n": "IncompleteBody",
    b"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\n": "IncompleteBody",
    b"fffffffffffffff\r\nhello": "IncompleteBody",
    b"5\r\nhello\r\n0\r\n\r\n": "MalformedTrailerError",
    b"5\r\nhello\r\n0\r\nx-amz-checksum-md5:a\r\n\r\n": "MalformedTrailerError",
    b"5\r\nhello\r\n0\r\nno colon\r\n\r\n": "MalformedTrailerError",
    b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:b\r\n\r\n": (
        "MalformedTrailerError"
    ),
    b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\nmore": "InvalidRequest",
    b"0" * 5000: "InvalidRequest",
    b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + b"a" * 5000: "InvalidRequest",
}


@pytest.mark.parametrize("body", UNSIGNED_CASES)
def test_a_malformed_body_is_refused_by_name(body: bytes) -> None:
    request = head("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 5, TRAILER)
    for cuts in ([], list(range(len(body)))):
        code = code_of(lambda cuts=cuts: read(request, pieces(body, cuts)))
        assert code == UNSIGNED_CASES[body]


def test_the_decoded_length_must_be_stated() -> None:
    headers = {"content-encoding": "aws-chunked"}
    request = signed("header", "s3", method="PUT", headers=headers, payload=SIGNED)
    with pytest.raises(InvalidRequest) as refused:
        read(request, stream(b""))
    assert refused.value.aws_code == "MissingContentLength"  # type: ignore[attr-defined]
