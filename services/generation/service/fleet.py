"""The fleet: a pool for each model that somebody wants, as large as the greediest of them wants."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from kit.catalogue import Catalogue, ModelEntry
from kit.errors import Conflict, NotFound
from services.generation.ports import Launcher, PoolState, Replica
from services.generation.service.pool import Pace, Pool
from services.generation.service.scaling import Scaler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wish:
    least: int
    most: int


class Pools:
    """A Fleet over a launcher. Everything is in memory: holders ask again after a restart."""

    def __init__(
        self,
        catalogue: Catalogue,
        launcher: Launcher,
        scaler: Callable[[], Scaler],
        pace: Pace | None = None,
    ) -> None:
        """`scaler` makes what decides how large a pool should be that may grow."""
        self._catalogue, self._launcher = catalogue, launcher
        self._scaler, self._pace = scaler, pace or Pace()
        self._pools: dict[str, Pool] = {}
        self._wishes: dict[str, dict[str, _Wish]] = {}
        self._scalers: dict[str, Scaler] = {}
        self._requests: dict[str, int] = {}

    def replicas(self, model: str) -> Sequence[Replica]:
        pool = self._pools.get(model)
        return () if pool is None else pool.replicas

    def state(self, model: str) -> PoolState:
        pool = self._pools.get(model)
        return PoolState("stopped", 0, 0) if pool is None else pool.state

    def outstanding(self, model: str, requests: int) -> None:
        self._requests[model] = requests

    async def demand(
        self, model: str, holder: str, copies: int, *, at_most: int | None = None
    ) -> None:
        entry = self._entry(model)
        model = entry.id
        wish = _Wish(copies, max(copies, at_most or copies))
        wishes = {**self._wishes.get(model, {}), holder: wish}
        least, _ = _bounds(wishes)
        self._launcher.check(self._beside(entry, least))
        self._wishes[model] = wishes
        if model not in self._pools:
            self._pools[model] = Pool(entry, self._launcher, self._pace)
            self._scalers[model] = self._scaler()
        self._settle(model)

    async def release(self, model: str, holder: str) -> None:
        wishes = self._wishes.get(model, {})
        if wishes.pop(holder, None) is not None:
            self._settle(model)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Pools grow and shrink within; at the end all of them are stopped."""
        looking = asyncio.create_task(self._look(), name="scaling")
        try:
            yield
        finally:
            looking.cancel()
            try:
                with suppress(asyncio.CancelledError):
                    await looking
            finally:
                await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    def _entry(self, model: str) -> ModelEntry:
        entry = self._catalogue.find(model, kind="text")
        if entry.engine != "vllm":
            raise NotFound(f"The model {entry.id} has no servers of its own.", param="model")
        return entry

    def _settle(self, model: str) -> None:
        """Brings a pool to what its wishes and its requests ask for."""
        pool = self._pools[model]
        least, most = _bounds(self._wishes[model])
        requests = self._requests.get(model, 0)
        copies = self._scalers[model].copies(pool.wanted, least, most, requests)
        if copies > max(pool.wanted, least):
            copies = self._most_that_fits(pool, copies)
        if copies != pool.wanted:
            log.info("%s: from %d to %d copies", model, pool.wanted, copies)
            pool.want(copies)

    def _most_that_fits(self, pool: Pool, copies: int) -> int:
        while copies > pool.wanted:
            try:
                self._launcher.check(self._beside(pool.model, copies))
            except Conflict as error:
                log.warning("%s stays smaller than it should be: %s", pool.model.id, error.message)
                copies -= 1
            else:
                break
        return copies

    def _beside(self, entry: ModelEntry, copies: int) -> list[tuple[ModelEntry, int]]:
        """So many copies of this model, and what there is of the others."""
        others = [
            (pool.model, pool.wanted) for name, pool in self._pools.items() if name != entry.id
        ]
        return [*others, (entry, copies)]

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._pace.look)
            for model in self._pools:
                try:
                    self._settle(model)
                except Exception:  # as of weights that cannot be read: it must not end all scaling
                    log.exception("%s could not be scaled", model)


def _bounds(wishes: Mapping[str, _Wish]) -> tuple[int, int]:
    least = max((wish.least for wish in wishes.values()), default=0)
    return least, max((wish.most for wish in wishes.values()), default=0)
