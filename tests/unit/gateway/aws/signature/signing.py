"""Requests signed by botocore, as this platform's gateway would receive them."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.auth import (
    HmacV1QueryAuth,
    S3SigV4Auth,
    S3SigV4QueryAuth,
    SigV4Auth,
    SigV4QueryAuth,
)
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.aws.request import AwsRequest
from gateway.aws.signature.authenticate import Authenticated, Authenticator
from kit.auth.principal import Principal
from kit.errors import Unauthenticated

KEY, SECRET = "AKIAQWERTYUIOPASDFGH", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"
OTHER_KEY, OTHER_SECRET = "AKIAOTHEROTHEROTHER1", "anotherSecretanotherSecretanotherSecret0"
ALICE, BOB = Principal("alice", "111111111111", "k1"), Principal("bob", "222222222222", "k2")
NOW = 1_790_000_000.0
REGION = "us-east-1"


class TwoTenants:
    """The keys of Alice and Bob."""

    async def by_bearer(self, token: str) -> Principal:
        if token != "uc_live_alice":
            raise Unauthenticated("This key is unknown, expired or revoked.")
        return ALICE

    async def secret_of(self, access_key_id: str) -> tuple[str, Principal] | None:
        return {KEY: (SECRET, ALICE), OTHER_KEY: (OTHER_SECRET, BOB)}.get(access_key_id)


async def stream(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def signer(kind: str, service: str, secret: str = SECRET, expires: int = 3600) -> Any:
    credentials = Credentials(KEY, secret)
    if kind == "v2":
        return HmacV1QueryAuth(credentials, expires=expires)
    if kind == "query":
        make = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
        return make(credentials, service, REGION, expires=expires)
    make = S3SigV4Auth if service == "s3" else SigV4Auth
    return make(credentials, service, REGION)


def signed(
    kind: str,
    service: str,
    *,
    method: str = "GET",
    url: str = "http://127.0.0.1:8000/",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    at: float = NOW,
    payload: str = "",
    **more: Any,
) -> AwsRequest:
    """`kind` is `header`, `query` or `v2`; `payload` stands in for the body's hash."""
    # A presigner does not know the body; botocore's would move it into the query.
    data = body if kind == "header" else b""
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=data)
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    with (
        patch("botocore.auth.get_current_datetime", lambda: moment),
        patch("botocore.auth.time.time", lambda: at),
    ):
        auth = signer(kind, service, **more)
        if payload:
            auth.payload = lambda _: payload
        auth.add_auth(request)
    return received(request, body)


def received(request: AWSRequest, body: bytes) -> AwsRequest:
    """What comes over the wire: the URL's parts, and headers with lower-case names."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {
        name.lower(): value if isinstance(value, str) else value.decode("latin-1")
        for name, value in prepared.headers.items()
    }
    headers.setdefault("host", parts.netloc)
    headers["user-agent"] = "changed-by-a-proxy"
    return AwsRequest(
        prepared.method, parts.scheme, parts.path, parts.query, tuple(headers.items()), stream(body)
    )


def altered(request: AwsRequest, name: str, value: str | None) -> AwsRequest:
    """With a header set, or taken out."""
    kept = tuple((n, v) for n, v in request.headers if n != name)
    more = () if value is None else ((name, value),)
    return replace(request, headers=kept + more)


def authenticate(
    request: AwsRequest, service: str, now: float = NOW, **options: Any
) -> tuple[Authenticated, bytes]:
    """Authenticates and reads the body to its end."""

    async def run() -> tuple[Authenticated, bytes]:
        gate = Authenticator(TwoTenants(), clock=lambda: now, **options)
        result = await gate.authenticate(request, service=service)
        return result, b"".join([block async for block in result.body])

    return asyncio.run(run())


def code_of(call: Callable[[], Any], among: Iterable[type[Exception]] = ()) -> str:
    """The AWS code that a call is refused with; fails when it is not refused."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - every refusal has a code, anything else shows here
        code: str = error.aws_code  # type: ignore[attr-defined]
        return code
    raise AssertionError("It was let in.")
