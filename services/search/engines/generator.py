"""The generation service as the writer of answers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from contracts.generation.client import GenerationClient
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
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
                if (used := delta.usage) is not None:
                    tally.input, tally.output = used.input_tokens, used.output_tokens
                yield delta.text
