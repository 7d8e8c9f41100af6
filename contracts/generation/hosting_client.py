"""Hosting, as the other processes see it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.client import ServiceClient
from contracts.contract import Nothing
from contracts.generation import hosting as h
from contracts.generation.invocations import FindTarget, Target, Targets
from contracts.transport import Transport
from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.errors import NotFound

_FRESH = 1.0
"""Seconds in which another process's change may go unseen by invocations."""
_MOST_KEPT = 10_000


class HostingClient(ServiceClient):
    """Raises the leaves of kit.errors; another tenant's resource is NotFound.

    Targets are kept in memory for a second, for every invocation asks; a change through this
    client is seen at once.
    """

    def __init__(self, transport: Transport, trust: InternalTrust) -> None:
        super().__init__(transport, trust)
        self._targets: dict[tuple[str, FindTarget], tuple[float, Targets | str]] = {}
        self._changes = 0

    async def target(self, who: Principal, ask: FindTarget) -> Target:
        """NotFound for an absent endpoint, Conflict for one that is not in service."""
        key, now = (who.tenant, ask), time.monotonic()
        until, found = self._targets.get(key, (0.0, ""))
        if now >= until:
            changes = self._changes
            found = await self._asked(who, ask)
            if changes == self._changes:  # else it may be older than the change
                self._keep(key, now + _FRESH, found)
        if isinstance(found, str):
            raise NotFound(found)
        return found.one()

    def _keep(self, key: tuple[str, FindTarget], until: float, found: Targets | str) -> None:
        if len(self._targets) >= _MOST_KEPT:
            self._targets.clear()
        self._targets[key] = (until, found)

    async def _asked(self, who: Principal, ask: FindTarget) -> Targets | str:
        """A name that leads to no endpoint may lead to an embedding model, again and again."""
        try:
            return await self._call(who, "/hosting/targets", ask, Targets)
        except NotFound as error:
            return error.message

    async def create_model(self, who: Principal, ask: h.CreateModel) -> h.Model:
        return await self._call(who, "/hosting/models/create", ask, h.Model)

    async def model(self, who: Principal, name: str) -> h.Model:
        return await self._call(who, "/hosting/models/get", h.Named(name=name), h.Model)

    async def models(self, who: Principal, ask: h.Query) -> h.Models:
        return await self._call(who, "/hosting/models/list", ask, h.Models)

    async def delete_model(self, who: Principal, name: str) -> None:
        await self._call(who, "/hosting/models/delete", h.Named(name=name), Nothing)

    async def create_config(self, who: Principal, ask: h.CreateEndpointConfig) -> h.EndpointConfig:
        return await self._call(who, "/hosting/configs/create", ask, h.EndpointConfig)

    async def config(self, who: Principal, name: str) -> h.EndpointConfig:
        return await self._call(who, "/hosting/configs/get", h.Named(name=name), h.EndpointConfig)

    async def configs(self, who: Principal, ask: h.Query) -> h.EndpointConfigs:
        return await self._call(who, "/hosting/configs/list", ask, h.EndpointConfigs)

    async def delete_config(self, who: Principal, name: str) -> None:
        await self._call(who, "/hosting/configs/delete", h.Named(name=name), Nothing)

    async def create_endpoint(self, who: Principal, ask: h.PutEndpoint) -> h.Endpoint:
        with self._changing(who):
            return await self._call(who, "/hosting/endpoints/create", ask, h.Endpoint)

    async def endpoint(self, who: Principal, name: str) -> h.Endpoint:
        return await self._call(who, "/hosting/endpoints/get", h.Named(name=name), h.Endpoint)

    async def endpoints(self, who: Principal, ask: h.Query) -> h.Endpoints:
        return await self._call(who, "/hosting/endpoints/list", ask, h.Endpoints)

    async def update_endpoint(self, who: Principal, ask: h.PutEndpoint) -> h.Endpoint:
        with self._changing(who):
            return await self._call(who, "/hosting/endpoints/update", ask, h.Endpoint)

    async def set_capacities(self, who: Principal, ask: h.SetCapacities) -> h.Endpoint:
        with self._changing(who):
            return await self._call(who, "/hosting/endpoints/capacities", ask, h.Endpoint)

    async def delete_endpoint(self, who: Principal, name: str) -> None:
        """Answers at once; the endpoint is gone when everything behind it is."""
        with self._changing(who):
            await self._call(who, "/hosting/endpoints/delete", h.Named(name=name), Nothing)

    async def create_component(self, who: Principal, ask: h.CreateComponent) -> h.Component:
        with self._changing(who):
            return await self._call(who, "/hosting/components/create", ask, h.Component)

    async def component(self, who: Principal, name: str) -> h.Component:
        return await self._call(who, "/hosting/components/get", h.Named(name=name), h.Component)

    async def components(self, who: Principal, ask: h.Query) -> h.Components:
        return await self._call(who, "/hosting/components/list", ask, h.Components)

    async def update_component(self, who: Principal, ask: h.UpdateComponent) -> h.Component:
        with self._changing(who):
            return await self._call(who, "/hosting/components/update", ask, h.Component)

    async def delete_component(self, who: Principal, name: str) -> None:
        with self._changing(who):
            await self._call(who, "/hosting/components/delete", h.Named(name=name), Nothing)

    async def tags(self, who: Principal, ask: h.Tagged) -> h.TagSet:
        """Changes tags where any are named, and tells what there is then."""
        return await self._call(who, "/hosting/tags", ask, h.TagSet)

    @contextmanager
    def _changing(self, who: Principal) -> Iterator[None]:
        """What was kept of the tenant is forgotten, also where the change failed half-way."""
        try:
            yield
        finally:
            self._changes += 1
            own = [key for key in self._targets if key[0] == who.tenant]
            for key in own:
                del self._targets[key]
