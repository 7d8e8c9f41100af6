"""The generation service as the writer of answers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from contracts.generation import ChatMessage, ChatRequest, GenerationClient
from kit.auth.principal import Principal
from services.search.ports import Tally, Turn


class ServiceGenerator:
    """Implements the port `Generator` over the generation service's client."""

    def __init__(self, client: GenerationClient) -> None:
        self._client = client

    async def generate(
        self,
        who: Principal,
        *,
        model: str,
        turns: Sequence[Turn],
        question: str,
        passages: Sequence[str],
        max_tokens: int,
        temperature: float,
        top_p: float | None,
        stop: Sequence[str],
        tally: Tally,
    ) -> AsyncGenerator[str, None]:
        request = ChatRequest(
            model=model,
            messages=[ChatMessage(role=turn.role, content=turn.text) for turn in turns],
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p or None,
            stop=list(stop),
            question=question,
            passages=list(passages),
        )
        async with aclosing(self._client.stream(who, request)) as deltas:
            async for delta in deltas:
                if delta.finish_reason is not None:
                    tally.input, tally.output = delta.input_tokens or 0, delta.output_tokens or 0
                yield delta.text
