"""Takes a body in: into a durable blob, checked against what its sender promised."""

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kit.errors import StorageFull
from kit.objects.checksums import DEFAULT_ALGORITHM, Checksum, Digests
from kit.objects.errors import (
    BadDigest,
    BadRequest,
    EntityTooLarge,
    IncompleteBody,
    InvalidDigest,
)
from kit.objects.ports import PIECE, Blobs, BlobWriter
from kit.objects.records import Expected

MAX_BODY = 5 << 30
"""What one request may carry, as on S3: 5 GiB. More comes in parts."""

_RESERVE = 256 << 20
"""Free space that no upload may take, so that the database can still commit."""

_ASKED_EVERY = 16 << 20
"""Bytes after which it is asked for again: many uploads come at once, some of unknown length."""

_WIDTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64}
_WIDTHS |= {"MD5": 16, "XXHASH64": 8, "XXHASH3": 8, "XXHASH128": 16}


@dataclass(frozen=True, slots=True)
class Received:
    """A committed blob; `checksum` is by the algorithm that the receiver stores."""

    blob: str
    size: int
    md5: str
    checksum: Checksum


async def receive(
    blobs: Blobs, body: AsyncIterator[bytes], expected: Expected, *, stored_algorithm: str = ""
) -> Received:
    """Streams a body into a blob.

    `stored_algorithm` is the checksum to keep where it is not the sender's own choice (a part of
    an upload). Raises EntityTooLarge, StorageFull, IncompleteBody, BadDigest; then no blob is
    left.
    """
    _check_promises(expected)
    await _require_space(blobs, expected.length or 0)
    kept = stored_algorithm or expected.algorithm or DEFAULT_ALGORITHM
    digests = Digests({kept, expected.algorithm} - {""})
    writer = await blobs.writer(digests)
    try:
        await _pump(body, writer, blobs)
        _check_kept(expected, digests)
        blob = await writer.commit()
    finally:
        await writer.discard()
    return Received(blob, digests.size, digests.md5_hex(), Checksum(kept, digests.value(kept)))


async def _pump(body: AsyncIterator[bytes], writer: BlobWriter, blobs: Blobs) -> None:
    batch: list[bytes] = []
    held = total = 0
    ask_at = _ASKED_EVERY
    async for chunk in body:
        batch.append(chunk)
        held += len(chunk)
        total += len(chunk)
        if total > MAX_BODY:
            raise EntityTooLarge(_TOO_LARGE)
        if total >= ask_at:
            await _require_space(blobs, held)
            ask_at = total + _ASKED_EVERY
        if held >= PIECE:
            await writer.write(batch)
            batch, held = [], 0
    if batch:
        await writer.write(batch)


_TOO_LARGE = "One request may carry at most 5 GiB; send a larger object in parts."


def _check_promises(expected: Expected) -> None:
    if expected.length is not None and expected.length > MAX_BODY:
        raise EntityTooLarge(_TOO_LARGE)
    if not expected.checksum:
        return
    try:
        width = len(base64.b64decode(expected.checksum, validate=True))
    except (binascii.Error, ValueError):
        width = 0
    if width != _WIDTHS.get(expected.algorithm, width):
        raise BadRequest(
            f"The value of x-amz-checksum-{expected.algorithm.lower()} is not the base64 of such "
            "a checksum.",
            param=f"Checksum{expected.algorithm}",
        )


async def _require_space(blobs: Blobs, length: int) -> None:
    if await blobs.free_bytes() < length + _RESERVE:
        raise StorageFull("There is not enough space for this object; delete some, then try again.")


def _check_kept(expected: Expected, digests: Digests) -> None:
    if expected.length is not None and digests.size != expected.length:
        raise IncompleteBody(
            f"The request promised {expected.length} bytes and carried {digests.size}."
        )
    if expected.md5 and expected.md5 != digests.md5_hex():
        raise BadDigest("The Content-MD5 you specified did not match what we received.")
    trailer = expected.trailers.get(f"x-amz-checksum-{expected.algorithm.lower()}", "")
    promised = expected.checksum or trailer
    if promised and promised != digests.value(expected.algorithm):
        raise BadDigest(
            f"The {expected.algorithm} you specified did not match the calculated checksum."
        )


def md5_of_header(header: str) -> str:
    """The hex form of a Content-MD5 header. Raises InvalidDigest."""
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise InvalidDigest("The Content-MD5 you specified is not valid.", param="ContentMD5")
    return digest.hex()
