"""A generation service's registry with real rows, files, objects, child processes and jobs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

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
from kit.database import Database
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from kit.objects.store import ObjectStore
from services.generation.app import create_app
from services.generation.registry import Surroundings
from services.generation.settings import GenerationSettings
from tests.unit.services.generation.adapters.making import base_model
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

    async def settled(self, adapter: a.Adapter, who: Principal = ANNA) -> a.Adapter:
        async for _ in self.jobs.follow(who.tenant, adapter.job, poll=0.02):
            pass
        return await self.adapters.get(who, adapter.digest)

    async def audited(self, who: Principal = ANNA) -> list[str]:
        entries = await self.database.read(last_entries, who.tenant, "generation:", 100)
        return [entry.operation.removeprefix("generation:") for entry in entries]


@asynccontextmanager
async def open_world(
    folder: Path, url: str | None = None, *, runs_jobs: bool = True, **settings: object
) -> AsyncIterator[World]:
    database = Database(url or f"sqlite:///{folder}/test.db")
    database.create_tables()
    blobs = LocalBlobs(folder / "objects")
    objects = ObjectStore(database, blobs)
    audit = AuditLog(database, KEY, HeadsFile(folder / "heads", KEY))
    audit.start()
    waker, trust = LocalWaker(), InternalTrust(KEY)
    chosen = GenerationSettings(
        folder=folder / "generation",
        models=catalogue_with(folder, "llama", "mistral"),
        **settings,  # type: ignore[arg-type]
    )
    app = create_app(chosen, trust=trust, around=Surroundings(database, objects, audit, waker))
    transport = InProcessTransport(app)
    adapters = AdaptersClient(transport, trust)
    handlers = {"adapter-admission": Admission(adapters).run}
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
        )
        if runs_jobs:
            await runner.stop(grace=5.0)
    await audit.close()
    blobs.close()
    database.close()


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
