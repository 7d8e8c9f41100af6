"""Which adapters one replica has: fetched before a request needs them, and never too many."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator

from kit.errors import PlatformError
from kit.telemetry import ADAPTER_LOADS
from services.generation.ports import AdapterRef, Replica
from services.generation.service.routing.admin import AdapterAdmin

log = logging.getLogger(__name__)


class Residency:
    """One load of an adapter at a time, whoever asks for it, and one load of any at a time: the
    engine stands still while it loads.

    `is_used` tells of adapters that requests run with or that are pinned, which stay.
    """

    def __init__(
        self, replica: Replica, admin: AdapterAdmin, most: int, is_used: Callable[[str], bool]
    ) -> None:
        self.replica = replica
        self._admin, self._is_used = admin, is_used
        self._most = max(most, replica.limits.adapters)
        self._known: OrderedDict[str, None] = OrderedDict()  # the one used last comes last
        self._loads: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._retired: set[str] = set()

    def __contains__(self, digest: str) -> bool:
        return digest in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    async def ensure(self, adapter: AdapterRef) -> None:
        """Raises what the load raised; a caller who leaves does not end it for others."""
        digest = adapter.digest
        self._retired.discard(digest)
        if digest in self._known:
            self._known.move_to_end(digest)
            return
        await asyncio.shield(self._load_of(adapter))

    def prefetch(self, adapter: AdapterRef) -> None:
        """Begins to load, and lets those who need it see how that ends."""
        if adapter.digest not in self._known:
            self._load_of(adapter)

    def lost(self, digest: str) -> None:
        """The replica says that it does not have it."""
        self._known.pop(digest, None)

    def adopt(self, found: set[str], wanted: set[str]) -> set[str]:
        """Believes what the replica tells; returns what it has though nobody wants it."""
        for digest in self._known.keys() - found:
            self.lost(digest)
        for digest in found & wanted:
            self._known.setdefault(digest)
        return {d for d in found if d not in self._known and d not in self._loads}

    async def retire(self, digest: str) -> None:
        """Unloads it, once the last request with it has ended."""
        self._retired.add(digest)
        await self.drop_retired()

    async def drop_retired(self) -> None:
        for digest in [d for d in self._retired if not self._is_used(d)]:
            self._retired.discard(digest)
            await self._unload(digest)

    async def close(self) -> None:
        for load in self._loads.values():
            load.cancel()
        await asyncio.gather(*self._loads.values(), return_exceptions=True)

    def _load_of(self, adapter: AdapterRef) -> asyncio.Task[None]:
        load = self._loads.get(adapter.digest)
        if load is None:
            load = self._loads[adapter.digest] = asyncio.create_task(self._load(adapter))
            load.add_done_callback(_seen)
        return load

    async def _load(self, adapter: AdapterRef) -> None:
        outcome = "failed"
        try:
            async with self._turn:
                await self._make_room()
                await self._admin.load(self.replica, adapter)
            self._known[adapter.digest] = None
            outcome = "loaded"
        finally:
            del self._loads[adapter.digest]
            ADAPTER_LOADS.labels(outcome).inc()

    async def _make_room(self) -> None:
        idle = [digest for digest in self._known if not self._is_used(digest)]
        for digest in idle[: max(0, len(self._known) + 1 - self._most)]:
            await self._unload(digest)

    async def _unload(self, digest: str) -> None:
        """Nothing where it has gone while others were unloaded."""
        if digest in self._known:
            del self._known[digest]
            await self._admin.unload(self.replica, digest)


def _seen(load: asyncio.Task[None]) -> None:
    """A prefetch that failed is told by the request that needs it, which tries again."""
    if not load.cancelled() and not isinstance(load.exception(), PlatformError | None):
        log.error("An adapter's load broke", exc_info=load.exception())
