"""The internal routes of hosting: a contract in, a use case, a contract out."""

from collections.abc import Callable, Coroutine
from typing import Any

from contracts.contract import Contract, Nothing
from contracts.generation import hosting as h
from contracts.generation.invocations import FindTarget
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute, Routes
from services.generation.service.hosting.hosting import Hosting

_DONE = Nothing()


def hosting_routes(hosting: Hosting) -> Routes:
    models, endpoints, components = hosting.models, hosting.endpoints, hosting.components
    return {
        "/hosting/targets": ContractRoute(FindTarget, hosting.targets.find),
        "/hosting/tags": ContractRoute(h.Tagged, models.tags),
        "/hosting/models/create": ContractRoute(h.CreateModel, models.create_model),
        "/hosting/models/get": _named(models.model),
        "/hosting/models/list": ContractRoute(h.Query, models.models),
        "/hosting/models/delete": _gone(models.delete_model),
        "/hosting/configs/create": ContractRoute(h.CreateEndpointConfig, models.create_config),
        "/hosting/configs/get": _named(models.config),
        "/hosting/configs/list": ContractRoute(h.Query, models.configs),
        "/hosting/configs/delete": _gone(models.delete_config),
        "/hosting/endpoints/create": ContractRoute(h.PutEndpoint, endpoints.create),
        "/hosting/endpoints/get": _named(endpoints.get),
        "/hosting/endpoints/list": ContractRoute(h.Query, endpoints.list),
        "/hosting/endpoints/update": ContractRoute(h.PutEndpoint, endpoints.update),
        "/hosting/endpoints/capacities": ContractRoute(h.SetCapacities, endpoints.set_capacities),
        "/hosting/endpoints/delete": _gone(endpoints.delete),
        "/hosting/components/create": ContractRoute(h.CreateComponent, components.create),
        "/hosting/components/get": _named(components.get),
        "/hosting/components/list": ContractRoute(h.Query, components.list),
        "/hosting/components/update": ContractRoute(h.UpdateComponent, components.update),
        "/hosting/components/delete": _gone(components.delete),
    }


def _named(
    get: Callable[[Principal, str], Coroutine[Any, Any, Contract]],
) -> ContractRoute[h.Named]:
    async def answer(who: Principal, ask: h.Named) -> Contract:
        return await get(who, ask.name)

    return ContractRoute(h.Named, answer)


def _gone(
    delete: Callable[[Principal, str], Coroutine[Any, Any, None]],
) -> ContractRoute[h.Named]:
    async def answer(who: Principal, ask: h.Named) -> Nothing:
        await delete(who, ask.name)
        return _DONE

    return ContractRoute(h.Named, answer)
