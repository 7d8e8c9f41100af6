"""Puts a multi-part upload's parts together: which of them, and what the whole then is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kit.objects.checksums import Checksum, combined, multipart_etag
from kit.objects.errors import (
    BadDigest,
    BadRequest,
    EntityTooLarge,
    InvalidPart,
    InvalidPartOrder,
    MalformedXml,
    PartTooSmall,
)
from kit.objects.records import Part, Upload
from kit.objects.versions import Content

_MIN_PART = 5 << 20
_MAX_OBJECT = 50 << 40


@dataclass(frozen=True, slots=True)
class Claim:
    """A part as the caller lists it to complete: its number, ETag and, if given, checksum."""

    number: int
    etag: str
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the caller says of the whole when completing; empty members are not checked."""

    checksum: str = ""
    kind: str = ""
    size: int | None = None


def chosen_parts(claims: Sequence[Claim], stored: Mapping[int, Part]) -> list[Part]:
    """The parts that the caller lists. Raises InvalidPart, InvalidPartOrder, PartTooSmall."""
    if not claims:
        raise MalformedXml("You must specify at least one part.", param="MultipartUpload")
    numbers = [claim.number for claim in claims]
    if any(second <= first for first, second in pairwise(numbers)):
        raise InvalidPartOrder("The list of parts was not in ascending order.")
    chosen = []
    for claim in claims:
        part = stored.get(claim.number)
        if part is None or claim.etag.strip('"') != part.md5:
            raise InvalidPart(
                f"Part {claim.number} could not be found, or its entity tag does not match."
            )
        if claim.checksum and claim.checksum != part.checksum:
            raise InvalidPart(f"The checksum of part {claim.number} does not match.")
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < _MIN_PART:
            raise PartTooSmall(f"Part {part.number} has {part.size} bytes; 5 MiB is the least.")
    return chosen


def whole_of(upload: Upload, parts: Sequence[Part], promise: Promise) -> Content:
    """The object that the parts make. Raises BadDigest, BadRequest, EntityTooLarge."""
    size = sum(part.size for part in parts)
    if size > _MAX_OBJECT:
        raise EntityTooLarge("An object has at most 50 TiB.")
    if promise.size is not None and promise.size != size:
        raise BadRequest(f"The parts have {size} bytes, not {promise.size}.", param="MpuObjectSize")
    if promise.kind and promise.kind != upload.kind:
        raise BadRequest(f"The upload's checksum type is {upload.kind}.", param="ChecksumType")
    checksum = combined(
        upload.algorithm, upload.kind, [(part.checksum, part.size) for part in parts]
    )
    if promise.checksum and not _same(promise.checksum, checksum):
        raise BadDigest(
            f"The {upload.algorithm} you specified did not match the calculated checksum."
        )
    etag = multipart_etag([part.md5 for part in parts])
    return Content(upload.id, size, etag, upload.attributes, checksum, len(parts))


def _same(promised: str, checksum: Checksum) -> bool:
    return promised in (checksum.value, checksum.value.partition("-")[0])
