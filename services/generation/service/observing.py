"""What an engine takes, told to Prometheus by the names of OpenTelemetry's conventions."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from contracts.generation.answers import Delta, Generation
from contracts.generation.requests import ChatRequest
from kit.errors import Internal, PlatformError
from kit.telemetry import (
    ADAPTER_TOKENS,
    FIRST_TOKEN_SECONDS,
    GENERATION_SECONDS,
    TOKEN_SECONDS,
    TOKEN_USAGE,
)
from services.generation.ports import Asked, Engine

_MOST_LABELS = 100
_PREFIX = 12


@dataclass(slots=True)
class _Counts:
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, delta: Delta) -> None:
        if delta.usage is None:
            self.input_tokens += delta.input_tokens
            self.output_tokens += delta.output_tokens
        else:
            self.set(delta.usage.input_tokens, delta.usage.output_tokens)

    def set(self, input_tokens: int, output_tokens: int) -> None:
        self.input_tokens, self.output_tokens = input_tokens, output_tokens


@dataclass(slots=True)
class Observed:
    """An Engine whose first part tells which model and adapter write, for whoever books it."""

    engine: Engine
    _adapters: set[str] = field(default_factory=set)

    async def generate(self, asked: Asked) -> Generation:
        with self._observing(asked) as counts:
            made = await self.engine.generate(asked)
            counts.set(made.input_tokens, made.output_tokens)
            return made

    async def stream(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        began = perf_counter()
        first: float | None = None
        with self._observing(asked) as counts:
            async with aclosing(self.engine.stream(asked)) as deltas:
                async for delta in deltas:
                    counts.add(delta)
                    if first is None:
                        first = perf_counter()
                        FIRST_TOKEN_SECONDS.labels(*_names(asked)).observe(first - began)
                        delta = _named(asked, delta)
                    yield delta
            if first is not None and counts.output_tokens > 1:
                each = (perf_counter() - first) / (counts.output_tokens - 1)
                TOKEN_SECONDS.labels(*_names(asked)).observe(each)

    async def count_tokens(self, asked: Asked) -> int:
        return await self.engine.count_tokens(asked)

    async def close(self) -> None:
        await self.engine.close()

    @contextmanager
    def _observing(self, asked: Asked) -> Iterator[_Counts]:
        counts, began, kind = _Counts(), perf_counter(), "cancelled"
        try:
            yield counts
            kind = ""
        except PlatformError as error:
            kind = error.code
            raise
        except Exception:
            kind = Internal.code
            raise
        finally:
            names = _names(asked)
            GENERATION_SECONDS.labels(*names, kind).observe(perf_counter() - began)
            self._tell(asked, counts)

    def _tell(self, asked: Asked, counts: _Counts) -> None:
        directions = (("input", counts.input_tokens), ("output", counts.output_tokens))
        for direction, tokens in directions:
            if tokens:
                TOKEN_USAGE.labels(*_names(asked), direction).observe(tokens)
                if asked.adapter is not None:
                    adapter = self._label(asked.adapter.digest)
                    ADAPTER_TOKENS.labels(adapter, direction).inc(tokens)

    def _label(self, digest: str) -> str:
        """Bounded, for tenants make adapters at will."""
        label = digest[:_PREFIX]
        if len(self._adapters) < _MOST_LABELS:
            self._adapters.add(label)
        return label if label in self._adapters else "other"


def _names(asked: Asked) -> tuple[str, str, str]:
    operation = "chat" if isinstance(asked.request, ChatRequest) else "text_completion"
    return operation, asked.model.engine, asked.model.id


def _named(asked: Asked, delta: Delta) -> Delta:
    adapter = asked.adapter.digest if asked.adapter else ""
    return delta.model_copy(update={"model": asked.model.id, "adapter": adapter})
