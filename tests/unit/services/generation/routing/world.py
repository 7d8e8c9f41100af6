"""Replicas of a model that exist only as numbers, and requests for them."""

from collections.abc import Iterable
from pathlib import Path

from contracts.generation.requests import CompletionRequest
from kit.catalogue import ModelEntry
from services.generation.ports import AdapterRef, Asked, EngineLimits, PoolState, Replica

MODEL = ModelEntry(
    id="test.base",
    name="Base",
    provider="Test",
    kind="text",
    engine="vllm",
    description="",
    licence="",
    source="",
    folder=Path("/models/base"),
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def replica(id: str, *, sequences: int = 4, adapters: int = 2) -> Replica:
    return Replica(id, f"http://{id}/v1", EngineLimits(2048, sequences, adapters, 16))


def adapter(name: str) -> AdapterRef:
    return AdapterRef(name.ljust(64, "0"), Path("/adapters") / name, 8)


def asked(
    tenant: str = "tenant",
    weights: AdapterRef | None = None,
    *,
    max_tokens: int = 10,
    background: bool = False,
) -> Asked:
    request = CompletionRequest(
        model=MODEL.id, prompt="text", max_tokens=max_tokens, background=background
    )
    return Asked(tenant, MODEL, request, weights)


class Fleet:
    """Its replicas are what a test says."""

    def __init__(self, *replicas: Replica, state: PoolState | None = None) -> None:
        self.ready: tuple[Replica, ...] = replicas
        self.said = state or PoolState("ready", len(replicas), len(replicas))
        self.told = 0

    def replicas(self, model: str) -> tuple[Replica, ...]:
        return self.ready

    def state(self, model: str) -> PoolState:
        return self.said

    def outstanding(self, model: str, requests: int) -> None:
        self.told = requests

    async def demand(
        self, model: str, holder: str, copies: int, *, at_most: int | None = None
    ) -> None:
        raise AssertionError("routing holds nothing")

    async def release(self, model: str, holder: str) -> None:
        raise AssertionError("routing holds nothing")


def names(refs: Iterable[AdapterRef]) -> set[str]:
    return {ref.digest for ref in refs}
