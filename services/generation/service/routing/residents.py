"""Which adapters the replicas of one model have loaded, and which they should have."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from kit.errors import PlatformError
from services.generation.ports import AdapterRef, Replica, Usable
from services.generation.service.routing.admin import AdapterAdmin
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.residency import Residency
from services.generation.service.routing.seats import Seats

log = logging.getLogger(__name__)


class Residents:
    """The pinned ones are wanted everywhere; those used lately, on a replica that has restarted.

    `len` counts what all replicas have loaded.
    """

    def __init__(self, admin: AdapterAdmin, policy: Policy, clock: Callable[[], float]) -> None:
        self._admin, self._policy, self._clock = admin, policy, clock
        self._residencies: dict[str, Residency] = {}
        self._recent: OrderedDict[str, tuple[AdapterRef, float]] = OrderedDict()
        self._pinned: dict[str, AdapterRef] = {}
        self._reconciled: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._residencies.values()))

    def has(self, replica: str, digest: str) -> bool:
        residency = self._residencies.get(replica)
        return residency is not None and digest in residency

    def on(self, seats: Seats) -> Residency:
        id = seats.replica.id
        residency = self._residencies.get(id)
        if residency is None:
            residency = self._residencies[id] = Residency(
                seats.replica,
                self._admin,
                self._policy.adapters,
                lambda digest: digest in seats.adapters or digest in self._pinned,
            )
        return residency

    def asked_for(self, adapter: AdapterRef) -> None:
        self._recent[adapter.digest] = (adapter, self._clock())
        self._recent.move_to_end(adapter.digest)

    def forget_all_but(self, replicas: Collection[str]) -> None:
        """A replica that has gone takes what it had loaded along."""
        for id in self._residencies.keys() - replicas:
            del self._residencies[id]
        self._reconciled.intersection_update(replicas)

    async def reconcile(self, ready: Sequence[Seats], usable: Sequence[Usable] | None) -> None:
        """A replica that does not answer is looked at again the next time.

        Adapters that are not `usable` any more are drained and unloaded; None lets all be used.
        """
        allowed = None if usable is None else {one.adapter.digest for one in usable}
        pins = (one.adapter for one in usable or () if one.pinned)
        self._pinned = {pin.digest: pin for pin in islice(pins, self._policy.pinned)}
        for digest in self._recent.keys() - (self._recent if allowed is None else allowed):
            del self._recent[digest]
        await asyncio.gather(*(self._reconcile(self.on(seats), allowed) for seats in ready))

    async def close(self) -> None:
        for residency in self._residencies.values():
            await residency.close()

    async def _reconcile(self, residency: Residency, allowed: set[str] | None) -> None:
        if not residency.replica.limits.adapters:
            return
        with _telling(residency.replica):
            if allowed is not None:
                for digest in set(residency) - allowed:
                    await residency.retire(digest)
            await self._bring(residency)

    async def _bring(self, residency: Residency) -> None:
        replica = residency.replica
        wanted = self._pinned | self._used_lately()
        found = await self._admin.loaded(replica)
        for digest in residency.adopt(found, set(wanted)):
            await self._admin.unload(replica, digest)
        await residency.drop_retired()
        is_known = replica.id in self._reconciled
        again = [] if is_known else list(wanted.values())[-replica.limits.adapters :]
        for adapter in (*self._pinned.values(), *again):
            with _telling(replica):
                await residency.ensure(adapter)
        self._reconciled.add(replica.id)

    def _used_lately(self) -> dict[str, AdapterRef]:
        """The one used last comes last."""
        since = self._clock() - self._policy.remembered
        while self._recent and next(iter(self._recent.values()))[1] < since:
            self._recent.popitem(last=False)
        return {digest: adapter for digest, (adapter, _) in self._recent.items()}


@contextmanager
def _telling(replica: Replica) -> Iterator[None]:
    """What goes wrong with one replica, or with one adapter, holds up no other."""
    try:
        yield
    except PlatformError as error:
        log.warning("%s may not have the adapters that it should: %s", replica.id, error)
    except Exception:
        log.exception("The adapters of %s could not be looked after", replica.id)
