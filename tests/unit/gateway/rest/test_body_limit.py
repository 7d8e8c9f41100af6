"""A body is refused by its stated length where it would be refused once it had come."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.rest.body_limit import MOST_BODY, BodyLimit
from kit.objects.receiving import MAX_BODY


async def taken(path: str, length: int) -> int:
    """The status of a request that says so much of its body."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-length", str(length).encode())]
    scope = {"type": "http", "path": path, "headers": headers, "state": {"request_id": "r"}}
    await BodyLimit(app)(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("path", "most"),
    [("/api/v1/adapters", MOST_BODY), ("/api/v1/adapters/upload", MAX_BODY)],
)
async def test_a_body_may_have_what_can_be_kept_of_it(path: str, most: int) -> None:
    assert await taken(path, most) == 200
    assert await taken(path, most + 1) == 413
