"""What routing does with a replica besides asking it for text."""

from collections.abc import Collection
from typing import Protocol

from kit.errors import UpstreamFailed
from services.generation.ports import AdapterRef, Replica


class AdapterMissing(UpstreamFailed):
    """A replica was asked for an adapter that it does not have, though it should."""


class RequestBroke(UpstreamFailed):
    """A server that lives broke at this request: the fault may be what the request holds."""


class AdapterUnusable(UpstreamFailed):
    """A replica cannot load these weights; others would not either."""


class AdapterAdmin(Protocol):
    """Raises Unavailable, DeadlineExceeded, UpstreamFailed, and AdapterUnusable from `load`."""

    async def load(self, replica: Replica, adapter: AdapterRef) -> None:
        """Under its digest, from its folder; an adapter that is there already is as good."""
        ...

    async def unload(self, replica: Replica, digest: str) -> None:
        """One that is not there is as good."""
        ...

    async def loaded(self, replica: Replica) -> set[str]:
        """The digests of the adapters that it has."""
        ...

    async def keep(self, replicas: Collection[str]) -> None:
        """Lets go of all but these, by their ids."""
        ...
