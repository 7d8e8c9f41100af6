"""What a form of answers is: how one container writes whole answers, streams and refusals."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol

from contracts.generation.answers import Choice, Delta, Generation
from dialects.body import Json
from dialects.sagemaker.invocation import Invocation
from dialects.sagemaker.tokens import best_first
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


def whole_answer(
    asked: Invocation, index: int, made: Generation, details: Callable[[Choice], Json], **more: Any
) -> Json:
    """The best first, the others beside its details; `more` is what these have besides."""
    first, *others = best_first(made.choices)
    answer: Json = {"generated_text": asked.start(index) + first.text}
    if asked.details or others:
        told = details(first) | more
        if others:
            told["best_of_sequences"] = [
                {"generated_text": asked.start(index) + other.text, **details(other)}
                for other in others
            ]
        answer["details"] = told
    return answer
