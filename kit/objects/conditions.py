"""Conditional requests (RFC 9110) and byte ranges, as S3 reads them."""

import re
from dataclasses import dataclass

from kit.objects.errors import (
    ConditionFailed,
    InvalidArgument,
    NoSuchKey,
    NotModified,
    RangeNotSatisfiable,
)
from kit.objects.records import ObjectInfo, Span

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_BEYOND = 10**19  # past the end of any object


@dataclass(frozen=True, slots=True)
class Conditions:
    """Header values as they came; times in UNIX seconds. Empty ones do not count."""

    if_match: str = ""
    if_none_match: str = ""
    if_modified_since: float | None = None
    if_unmodified_since: float | None = None

    def check_read(self, info: ObjectInfo) -> None:
        """Raises ConditionFailed (412) or NotModified (304)."""
        modified = int(info.modified)  # HTTP dates have no fractions
        if self.if_match:
            if not _matches(self.if_match, info.etag):
                raise ConditionFailed("If-Match")
        elif self.if_unmodified_since is not None and modified > self.if_unmodified_since:
            raise ConditionFailed("If-Unmodified-Since")
        if self.if_none_match:
            if _matches(self.if_none_match, info.etag):
                raise NotModified(etag=info.etag, modified=info.modified)
        elif self.if_modified_since is not None and modified <= self.if_modified_since:
            raise NotModified(etag=info.etag, modified=info.modified)

    def check_copy(self, source: ObjectInfo) -> None:
        """A copy's source conditions all answer 412."""
        try:
            self.check_read(source)
        except NotModified as error:
            raise ConditionFailed("x-amz-copy-source-if-none-match") from error

    def check_write(self, current: ObjectInfo | None) -> None:
        """`current` is what the key holds now. Raises ConditionFailed, or NoSuchKey."""
        if self.if_none_match:
            if self.if_none_match != "*":
                raise InvalidArgument(
                    "A write takes If-None-Match with '*' alone.", param="IfNoneMatch"
                )
            if current is not None:
                raise ConditionFailed("If-None-Match")
        if self.if_match and current is None:
            raise NoSuchKey("The specified key does not exist.", param="Key")
        if self.if_match and current is not None and not _matches(self.if_match, current.etag):
            raise ConditionFailed("If-Match")


ALWAYS = Conditions()


def span_of(header: str, size: int) -> Span:
    """The bytes that a Range header names. As on S3, what is not one range means the whole."""
    match = _RANGE.fullmatch(header.strip())
    if not match or match.groups() == ("", ""):
        return Span(0, size, size)
    first, last = match.groups()
    if not first:
        length = min(_position(last), size)
        if length == 0:
            raise RangeNotSatisfiable("The requested range is not satisfiable.", param="Range")
        return Span(size - length, length, size, partial=True)
    start = _position(first)
    end = min(_position(last), size - 1) if last else size - 1
    if last and _position(last) < start:
        return Span(0, size, size)
    if start >= size:
        raise RangeNotSatisfiable("The requested range is not satisfiable.", param="Range")
    return Span(start, end - start + 1, size, partial=True)


def _position(digits: str) -> int:
    """The number, or one past every object where its digits are endless."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) < 20 else _BEYOND


def _matches(header: str, etag: str) -> bool:
    tags = (tag.strip().removeprefix("W/").strip('"') for tag in header.split(","))
    return any(tag in ("*", etag) for tag in tags)
