"""What streams of all families share: what is known so far, and the metrics of their last chunk."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from contracts.generation.answers import Choice, Delta, FinishReason, Generation, Usage
from dialects.body import Json
from dialects.dialect import Exchange

METRICS = "amazon-bedrock-invocationMetrics"


@dataclass(slots=True)
class Progress:
    """`began` and `first_byte` are of the exchange, in milliseconds since it began."""

    exchange: Exchange
    first_byte: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    has_calls: bool = False
    stop: str | None = None
    usage: Usage | None = None
    _reasons: dict[int, FinishReason] = field(default_factory=dict)

    def see(self, delta: Delta) -> None:
        if self.first_byte is None:
            self.first_byte = self.exchange.milliseconds()
        self.input_tokens += delta.input_tokens
        self.output_tokens += delta.output_tokens
        self.has_calls = self.has_calls or bool(delta.tool_calls)
        if delta.finish_reason is not None:
            self._reasons[delta.index] = delta.finish_reason
            self.stop = delta.stop if delta.index == 0 else self.stop
        if delta.usage is not None:
            self.usage = delta.usage
            self.input_tokens = delta.usage.input_tokens
            self.output_tokens = delta.usage.output_tokens

    async def seen(self, deltas: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
        """The same parts, each seen before it is given."""
        async with aclosing(deltas):
            async for delta in deltas:
                self.see(delta)
                yield delta

    def reason(self, index: int = 0) -> FinishReason:
        return _called(self._reasons.get(index, "stop"), has_calls=self.has_calls)

    @property
    def cached_tokens(self) -> int:
        """Of the input's; engines tell of them at the end."""
        return self.usage.cached_tokens if self.usage is not None else 0

    def metrics(self) -> Json:
        """As AWS adds it to the last chunk of every family."""
        cached = self.cached_tokens
        told = {
            "inputTokenCount": fresh_tokens(self),
            "outputTokenCount": self.output_tokens,
            "invocationLatency": self.exchange.milliseconds(),
            "firstByteLatency": self.first_byte or 0,
        }
        return told | ({"cacheReadInputTokenCount": cached} if cached else {})


def reason_of(choice: Choice) -> FinishReason:
    return _called(choice.finish_reason, has_calls=bool(choice.tool_calls))


def fresh_tokens(made: Generation | Usage | Progress) -> int:
    """Those of the input that were computed: AWS counts cached ones apart."""
    return made.input_tokens - made.cached_tokens


async def chunks(
    exchange: Exchange,
    deltas: AsyncGenerator[Delta, None],
    piece: Callable[[Delta, Progress], Json],
    last: Callable[[Progress], Json],
) -> AsyncGenerator[Json, None]:
    """A chunk for each part that has text, and one at the end, with the metrics."""
    progress = Progress(exchange)
    async with aclosing(progress.seen(deltas)) as seen:
        async for delta in seen:
            if delta.text:
                yield piece(delta, progress)
    yield {**last(progress), METRICS: progress.metrics()}


def _called(reason: FinishReason, *, has_calls: bool) -> FinishReason:
    """Engines that were told which tool to call say `stop` when it is called."""
    return "tool_calls" if has_calls and reason == "stop" else reason
