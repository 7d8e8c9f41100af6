"""What the generation service needs from outside: engines that answer a chat."""

from collections.abc import AsyncGenerator
from typing import Protocol

from contracts.generation import ChatDelta, ChatRequest, ChatResponse
from kit.catalogue import ModelEntry


class ChatEngine(Protocol):
    """One way to answer. Leaving `stream` early (aclose, cancellation) stops the work behind it.

    Raises InvalidRequest for what the model cannot take, UpstreamFailed for an answer that cannot
    be used, Unavailable (with `retry_after` where known) and DeadlineExceeded.
    """

    async def chat(self, model: ModelEntry, request: ChatRequest) -> ChatResponse: ...

    def stream(self, model: ModelEntry, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Parts in order; exactly one, the last, has a finish reason."""
        ...

    async def close(self) -> None: ...
