"""Holds request bodies to a size: refused by their stated length before they are read."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.errors import PayloadTooLarge
from kit.objects.receiving import MAX_BODY
from kit.service import answer

MOST_BODY = 32 * 2**20
_UPLOADS = frozenset({"/api/v1/adapters/upload"})
"""The paths that stream what they are sent to a disk, as objects; so they are held to the same."""


class BodyLimit:
    """Pure ASGI; inside of the error boundary, which tells what it raises while a body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_BODY if scope["path"] in _UPLOADS else MOST_BODY
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > most:
            refusal = answer(_too_large(most), scope["state"]["request_id"])
            refusal.headers["connection"] = "close"  # the body still comes; nobody will read it
            await refusal(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise _too_large(most)
            return message

        await self._app(scope, counted, send)


def _too_large(most: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"A body may have {most} bytes.")
