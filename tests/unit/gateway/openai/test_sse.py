"""Streams of OpenAI's door, to their last event."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import orjson

from gateway.failures import expected
from gateway.openai.sse import event_stream
from kit.errors import PlatformError


class _Call:
    """The part of a call that a stream needs."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def fails(self, error: Exception) -> PlatformError:
        told = expected(error, "req_1")
        self.failed.append(told.code)
        return told


async def test_a_bug_in_mid_stream_is_told_as_an_error_that_hides_it() -> None:
    async def chunks() -> AsyncGenerator[dict[str, Any], None]:
        yield {"said": "Half "}
        raise RuntimeError("secret")

    call = _Call()
    response = await event_stream(cast(Any, call), chunks())
    assert not isinstance(response.body, bytes)
    first, last = [event async for event in response.body]
    assert orjson.loads(first.removeprefix(b"data: ")) == {"said": "Half "}
    assert orjson.loads(last.removeprefix(b"data: "))["error"]["code"] == "internal"
    assert b"secret" not in last
    assert call.failed == ["internal"]
