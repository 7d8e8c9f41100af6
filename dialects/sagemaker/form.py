"""What a form of answers is: how one container writes whole answers, streams and refusals."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from contracts.generation.answers import Delta, Generation
from dialects.body import Json
from dialects.sagemaker.invocation import Invocation
from kit.errors import PlatformError


class Form(Protocol):
    """Pure; one for all invocations."""

    stream_type: str

    def whole(self, asked: Invocation, made: Sequence[Generation]) -> Json | list[Any]: ...

    def stream(
        self, asked: Invocation, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[bytes, None]:
        """Lines or events, whole ones only; closing it closes `deltas`."""
        ...

    def refusal(self, error: PlatformError) -> tuple[int, Json]:
        """The status and the body that the container would answer with."""
        ...
