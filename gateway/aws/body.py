"""Bounds on request bodies, held while they are read."""

from collections.abc import AsyncIterator
from dataclasses import replace

from gateway.aws.protocol.route import has_form
from gateway.aws.request import AwsRequest
from kit.errors import PayloadTooLarge

_MOST_FORM = 2**20


async def with_form(request: AwsRequest) -> tuple[AwsRequest, bytes]:
    """Reads a form early, because it alone names its operation; the request can be read again."""
    if not has_form(request):
        return request, b""
    form = await gather(bound(request, _MOST_FORM).body)
    return replace(request, body=once(form)), form


def bound(request: AwsRequest, most: int) -> AwsRequest:
    """Raises PayloadTooLarge at once when the length is stated, else as soon as it is passed."""
    stated = request.header("content-length")
    if stated.isdigit() and int(stated) > most:
        raise _too_large(most)
    return replace(request, body=_counted(request.body, most))


async def gather(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in body])


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _counted(body: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in body:
        size += len(part)
        if size > most:
            raise _too_large(most)
        yield part


def _too_large(most: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than the {most} bytes that this operation takes.")
