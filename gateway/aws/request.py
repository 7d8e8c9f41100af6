"""An AWS request as it came over the wire: nothing decoded, nothing read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar
from urllib.parse import quote, unquote

from starlette.types import Scope

from kit.errors import InvalidRequest


class InvalidUri(InvalidRequest):
    """A path or a query that is not percent-encoded UTF-8."""

    aws_code: ClassVar[str] = "InvalidURI"


@dataclass(frozen=True)
class AwsRequest:
    """`raw_path` and `raw_query` keep their percent-encoding; header names are in lower case."""

    method: str
    scheme: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: AsyncIterator[bytes]
    client: str = ""

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Headers by name; a repeated one is folded with commas, as the signers fold it."""
        folded: dict[str, str] = {}
        for name, value in self.headers:
            folded[name] = f"{folded[name]},{value}" if name in folded else value
        return folded

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Decoded query pairs in their order; a key without `=` has an empty value.

        Raises InvalidUri.
        """
        pairs = (part.partition("=") for part in self.raw_query.split("&") if part)
        return tuple((_plus_decoded(key), _plus_decoded(value)) for key, _, value in pairs)

    def header(self, name: str, default: str = "") -> str:
        return self.by_name.get(name, default)


def read_head(scope: Scope, body: AsyncIterator[bytes]) -> AwsRequest:
    """The request of an ASGI scope; `body` is read later, if at all."""
    headers = (
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    )
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    client = scope.get("client")
    return AwsRequest(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        raw_path=raw_path.decode("latin-1"),
        raw_query=scope.get("query_string", b"").decode("latin-1"),
        headers=tuple(headers),
        body=body,
        client=client[0] if client else "",
    )


def percent_decoded(text: str) -> str:
    """Raises InvalidUri: a replacement character would make one name of many."""
    if not text.isascii():  # it would sign as other bytes than it reads as
        raise InvalidUri("The request has characters that must be percent-encoded.")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidUri("The request has percent-encoded bytes that are not UTF-8.") from error


def _plus_decoded(text: str) -> str:
    return percent_decoded(text.replace("+", " "))
