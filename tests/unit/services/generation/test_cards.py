"""What is said of a model once its servers run."""

import asyncio
from pathlib import Path
from typing import cast

from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from services.generation.ports import Engine
from services.generation.service.fleet import Pools
from services.generation.service.generating import Generating
from services.generation.service.scaling import Scaler
from tests.unit.services.generation.launcher_double import LIMITS, LauncherDouble

WHO = Principal("tenant", "123456789012", "key")


async def test_its_context_is_what_its_servers_hold(tmp_path: Path) -> None:
    described = dict.fromkeys(("name", "provider", "description", "licence", "source"), "a")
    model = ModelEntry(
        id="local.a", kind="text", engine="vllm", folder=tmp_path, context=131072, **described
    )
    launcher, models = LauncherDouble(), Catalogue([model])
    pools = Pools(models, launcher, lambda: Scaler(10))
    service = Generating(models, {"vllm": cast(Engine, None)}, fleet=pools)

    async def context() -> int | None:
        (card,) = await service.models(WHO)
        return card.context

    async with pools.running(), asyncio.timeout(5):
        await pools.demand(model.id, "me", 1)
        assert await context() == 131072
        while not launcher.servers:
            await asyncio.sleep(0.002)
        launcher.servers[0].answer()
        while not pools.replicas(model.id):
            await asyncio.sleep(0.002)
        assert await context() == LIMITS.context
