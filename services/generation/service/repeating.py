"""Several answers to a request that leaves nothing to chance: one is made, and told as often.

Model servers refuse to make several (vLLM), or make the same again and again. Counts are those of
answers made one by one.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest


def once(request: GenerateRequest) -> tuple[GenerateRequest, int]:
    """The request for one of the answers, and how often it is to be told."""
    if request.n == 1 or request.temperature != 0:
        return request, 1
    return request.model_copy(update={"n": 1}), request.n


def repeated(made: Generation, times: int) -> Generation:
    if times == 1:
        return made
    update = {"choices": made.choices * times, "output_tokens": made.output_tokens * times}
    return made.model_copy(update=update)


async def repeated_parts(
    deltas: AsyncGenerator[Delta, None], times: int
) -> AsyncGenerator[Delta, None]:
    async with aclosing(deltas):
        async for delta in deltas:
            for part in _repeated(delta, times):
                yield part


def _repeated(delta: Delta, times: int) -> list[Delta]:
    """What is told once goes with the first of them, and the usage with the last."""
    ends = {"index", "usage", "model", "adapter"}
    usage = delta.usage and delta.usage.model_copy(
        update={"output_tokens": delta.usage.output_tokens * times}
    )
    if delta.model_fields_set <= ends:
        return [delta.model_copy(update={"usage": usage})]
    parts = [
        delta.model_copy(update={"index": index, "usage": None, "input_tokens": 0})
        for index in range(times)
    ]
    parts[0] = parts[0].model_copy(update={"input_tokens": delta.input_tokens})
    parts[-1] = parts[-1].model_copy(update={"usage": usage})
    return parts
