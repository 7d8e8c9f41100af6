"""Servers that somebody else starts: the URLs of a model's file or of the settings."""

import asyncio
from collections.abc import Sequence
from secrets import token_hex
from urllib.parse import urlsplit

from pydantic import SecretStr
from typing_extensions import override

from kit.catalogue import ModelEntry
from kit.errors import Conflict, Unavailable
from services.generation.engines.launchers.probe import Probe, misses
from services.generation.ports import EngineLimits, Launched, Launcher, Replica

_LOOK = 2.0
_PATIENCE = 60.0


class StaticLauncher(Launcher):
    """Hands each URL out once; stopping a copy only gives its URL back."""

    def __init__(self, limits: EngineLimits, key: SecretStr | None) -> None:
        """`limits` is what the operator says that those servers were started with."""
        self._limits, self._key = limits, key
        self._taken: set[str] = set()

    @override
    def check(self, copies: Sequence[tuple[ModelEntry, int]]) -> None:
        for model, wanted in copies:
            if wanted > len(model.replicas):
                raise Conflict(
                    f"{wanted} copies of {model.id} were asked for; declared servers: "
                    f"{len(model.replicas)}."
                )

    @override
    async def launch(self, model: ModelEntry) -> Launched:
        url = next((url for url in model.replicas if url not in self._taken), None)
        if url is None:
            raise Unavailable(f"Every server of {model.id} is in use already.")
        self._taken.add(url)
        return _Declared(self, model, url)

    def replica(self, model: ModelEntry, url: str, context: int | None) -> Replica:
        declared = self._limits
        context = context or model.context or declared.context
        limits = EngineLimits(context, declared.sequences, declared.adapters, declared.rank)
        return Replica(f"{model.id}-{token_hex(4)}", url, limits, self._key)

    def probe(self, url: str) -> Probe:
        parts = urlsplit(url)
        return Probe(f"{parts.scheme}://{parts.netloc}", key=self._key)

    def give_back(self, url: str) -> None:
        self._taken.discard(url)


class _Declared(Launched):
    """One URL; after an outage it is another replica, for it may have forgotten its adapters."""

    def __init__(self, launcher: StaticLauncher, model: ModelEntry, url: str) -> None:
        self._launcher, self._model, self._url = launcher, model, url
        self._probe = launcher.probe(url)
        self._has_url = True

    @override
    async def ready(self) -> Replica:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not await self._probe.lives():  # noqa: ASYNC110 (asked over HTTP)
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise Unavailable(f"The model server at {self._url} does not answer.") from None
        return self._launcher.replica(self._model, self._url, await self._probe.context())

    @override
    async def ended(self) -> str:
        await misses(self._probe)
        return f"The model server at {self._url} answers no more."

    @override
    async def stop(self, *, at_once: bool = False) -> None:
        try:
            await self._probe.close()
        finally:
            if self._has_url:  # else it may be another's by now
                self._launcher.give_back(self._url)
            self._has_url = False
