"""A generation service's registry with real rows, files, objects, child processes and jobs."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from fastapi import FastAPI

from contracts.generation import adapters as a
from contracts.generation.adapters_client import AdaptersClient
from contracts.generation.client import GenerationClient
from contracts.transport import InProcessTransport
from integrations.local.blobs import LocalBlobs
from kit.auth.audit import AuditLog
from kit.auth.audit_heads import HeadsFile
from kit.auth.audit_trail import last_entries
from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.catalogue import DEFAULT_FOLDER
from kit.contract_routes import routes_of
from kit.database import Database
from kit.errors import Conflict
from kit.jobs.lease import claim
from kit.jobs.reap import reap
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from kit.objects.store import ObjectStore
from services.generation.app import create_app
from services.generation.composition.adapters import Surroundings
from services.generation.service.adapters.registry import Registry
from services.generation.settings import GenerationSettings
from tests.unit.services.generation.adapters.making import adapter, archive, base_model
from workers.admission import Admission

ANNA = Principal("tenant-anna", "111111111111", "key-anna")
BERT = Principal("tenant-bert", "222222222222", "key-bert")
KEY = b"k" * 32
BUCKET = "weights"


@dataclass
class World:
    folder: Path
    database: Database
    objects: ObjectStore
    adapters: AdaptersClient
    generation: GenerationClient
    jobs: Jobs
    runner: JobRunner
    registry: Registry

    async def put(self, key: str, data: bytes, who: Principal = ANNA) -> a.ObjectSource:
        """An object in the tenant's bucket, as a source."""

        async def body() -> AsyncIterator[bytes]:
            yield data

        await self.objects.put(who.tenant, BUCKET, key, body())
        return a.ObjectSource(uri=f"s3://{BUCKET}/{key}")

    async def add(
        self, data: bytes, name: str | None = None, who: Principal = ANNA, base: str = "llama"
    ) -> a.Adapter:
        """Registers an archive, and waits for its checks."""
        source = await self.put("adapter.tar.gz", data, who)
        ask = a.AddAdapter(source=source, base=base, name=name)
        return await self.settled(await self.adapters.add(who, ask), who)

    async def add_as(self, key: str, seed: int) -> a.Adapter:
        source = await self.put(key, archive(("es", adapter(seed=seed))))
        return await self.adapters.add(ANNA, a.AddAdapter(source=source, base="llama"))

    async def race_for_the_quota(self) -> None:
        """Four registrations at once where two fit."""
        works = [self.add_as(f"{seed}.tar.gz", seed) for seed in range(4)]
        done = await asyncio.gather(*works, return_exceptions=True)
        assert [type(one) for one in done].count(Conflict) == 2, done
        assert len(await self.adapters.list(ANNA)) == 2

    async def race_for_a_name(self) -> None:
        """Eight moves of a new name at once, between two adapters."""
        made = [await self.add(archive(("es", adapter(seed=seed)))) for seed in (1, 2)]
        asks = [a.PutAlias(name="raced", digest=made[turn % 2].digest) for turn in range(8)]
        await asyncio.gather(*(self.adapters.put_alias(ANNA, ask) for ask in asks))
        moves = (await self.adapters.history(ANNA, a.AliasId(name="raced"))).items
        assert [move.version for move in moves] == list(range(len(moves), 0, -1))
        now = await self.adapters.aliases(ANNA)
        assert (now.items[0].version, now.items[0].digest) == (moves[0].version, moves[0].digest)

    async def settled(self, adapter: a.Adapter, who: Principal = ANNA) -> a.Adapter:
        async for _ in self.jobs.follow(who.tenant, adapter.job, poll=0.02):
            pass
        return await self.adapters.get(who, adapter.digest)

    async def run_until_step(self, step: str) -> None:
        """Runs the one job until it asks for that step, then drops everything, as a crash does."""
        job = (await self.jobs.list(ANNA.tenant)).jobs[0]
        kinds, owner = [a.ADMISSION], "a process that dies"
        claimed = await self.database.write(claim, job.id, kinds=kinds, owner=owner, lease=0.0)
        assert claimed is not None
        for done in ("weights", "parity"):
            if done == step:
                break
            ask = a.AdmitAdapter(
                digest=claimed.input["digest"], step=done, job=job.id, epoch=claimed.epoch
            )
            await self.adapters.admit(ANNA, ask)
        await self.database.write(reap)

    async def audited(self, who: Principal = ANNA) -> list[str]:
        entries = await self.database.read(last_entries, who.tenant, "generation:", 100)
        return [entry.operation.removeprefix("generation:") for entry in entries]


@asynccontextmanager
async def open_world(
    folder: Path,
    url: str | None = None,
    *,
    runs_jobs: bool = True,
    models_too: bool = False,
    **settings: object,
) -> AsyncIterator[World]:
    """`models_too`: with the platform's own model files."""
    folder.mkdir(exist_ok=True)
    database = Database(url or f"sqlite:///{folder}/test.db")
    database.create_tables()
    blobs = LocalBlobs(folder / "objects")
    objects = ObjectStore(database, blobs)
    audit = AuditLog(database, KEY, HeadsFile(folder / "heads", KEY))
    audit.start()
    waker, trust = LocalWaker(), InternalTrust(KEY)
    files = catalogue_with(folder, "llama", "mistral")
    if models_too:
        for file in DEFAULT_FOLDER.glob("*.yaml"):
            shutil.copy(file, files)
    chosen = GenerationSettings(
        folder=folder / "generation",
        models=files,
        **settings,  # type: ignore[arg-type]
    )
    app = create_app(chosen, trust=trust, around=Surroundings(database, objects, audit, waker))
    transport = InProcessTransport(app)
    adapters = AdaptersClient(transport, trust)
    handlers = {a.ADMISSION: Admission(adapters).run}
    runner = JobRunner(database, handlers, waker, instance_lock=folder / "runner.lock")
    for who in (ANNA, BERT):
        await objects.buckets.create(who.tenant, BUCKET, "us-east-1")
    async with app.router.lifespan_context(app):
        if runs_jobs:
            await runner.start()
        yield World(
            folder,
            database,
            objects,
            adapters,
            GenerationClient(transport, trust),
            Jobs(database, waker),
            runner,
            _registry_of(app),
        )
        if runs_jobs:
            await runner.stop(grace=5.0)
    await audit.close()
    blobs.close()
    database.close()


def _registry_of(app: FastAPI) -> Registry:
    """What answers on the registry's routes."""
    registry = routes_of(app)["/adapters/add"].answer.__self__  # type: ignore[union-attr]
    assert isinstance(registry, Registry)
    return registry


def catalogue_with(folder: Path, *names: str) -> Path:
    """A folder of model files: base models with weights here, and no server of them."""
    files = folder / "model-files"
    files.mkdir()
    for name in names:
        weights = base_model(folder / "models" / name)
        entry = {
            "id": f"test.{name}",
            "name": name,
            "provider": "test",
            "kind": "text",
            "engine": "vllm",
            "description": "A base model.",
            "licence": "none",
            "source": "here",
            "folder": str(weights),
            "context": 128,
            "aliases": [name],
        }
        (files / f"{name}.yaml").write_text(yaml.safe_dump(entry))
    return files
