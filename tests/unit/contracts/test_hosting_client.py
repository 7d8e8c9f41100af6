"""What the hosting client keeps of what it asked for."""

import asyncio

from contracts.contract import Nothing
from contracts.generation import hosting as h
from contracts.generation.hosting_client import HostingClient
from contracts.generation.invocations import FindTarget, Share, Target, Targets
from contracts.transport import InProcessTransport
from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute, mount
from kit.service import service_app

WHO = Principal("acme", "111122223333", "key")
ASK = FindTarget(endpoint="front")


class Service:
    """Reads what an endpoint leads to, and tells it when `tells` is set."""

    def __init__(self) -> None:
        self.model, self.asked = "old", 0
        self.read, self.tells = asyncio.Event(), asyncio.Event()
        trust = InternalTrust(b"k" * 32)
        app = service_app("Hosting", trust=trust)
        routes = {
            "/hosting/targets": ContractRoute(FindTarget, self.targets),
            "/hosting/endpoints/delete": ContractRoute(h.Named, self.change),
        }
        mount(app, trust, routes)
        self.client = HostingClient(InProcessTransport(app), trust)

    async def targets(self, who: Principal, ask: FindTarget) -> Targets:
        self.asked += 1
        found = Targets(shares=[Share(target=Target(model=self.model), weight=1)])
        self.read.set()
        await self.tells.wait()
        return found

    async def change(self, who: Principal, ask: h.Named) -> Nothing:
        self.model = "new"
        return Nothing()


async def test_what_was_read_before_a_change_is_not_kept_past_it() -> None:
    service = Service()
    early = asyncio.create_task(service.client.target(WHO, ASK))
    await service.read.wait()
    await service.client.delete_endpoint(WHO, "front")
    service.tells.set()
    assert (await early).model == "old"
    assert (await service.client.target(WHO, ASK)).model == "new"


async def test_what_was_read_is_kept_until_a_change() -> None:
    service = Service()
    service.tells.set()
    for _ in range(3):
        assert (await service.client.target(WHO, ASK)).model == "old"
    assert service.asked == 1
    await service.client.delete_endpoint(WHO, "front")
    assert (await service.client.target(WHO, ASK)).model == "new"
