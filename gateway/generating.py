"""Generated text, its tokens booked as they come: the same at every door."""

from collections.abc import AsyncGenerator, Sequence

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.metered import MeteredGeneration
from gateway.backends import Backends
from kit.auth.principal import Principal


async def generate(
    backends: Backends, who: Principal, operation: str, ask: GenerateRequest, *, size: int
) -> Generation:
    """Booked to the model that answered; `size` is the request's, in bytes."""
    return await _metered(backends).generate(who, operation, ask, size=size)


async def generate_all(
    backends: Backends,
    who: Principal,
    operation: str,
    asks: Sequence[GenerateRequest],
    *,
    size: int,
) -> list[Generation]:
    """Side by side, for the engine answers them in one batch; the first that fails ends the others.

    They are one request: no limit stops it half-way.
    """
    return await _metered(backends).generate_all(who, operation, asks, size=size)


def stream(
    backends: Backends, who: Principal, operation: str, ask: GenerateRequest, *, size: int
) -> AsyncGenerator[Delta, None]:
    """Booked also when it is left or breaks: by the parts that came, which their engine counts."""
    return _metered(backends).stream(who, operation, ask, size=size)


def _metered(backends: Backends) -> MeteredGeneration:
    return MeteredGeneration(backends.generation, backends.metering)
