"""Hosting over doubles of what it needs: a fleet, a registry of adapters, and archives."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import delete

from contracts.generation.adapters import Adapter, AddAdapter, RegisterArchive, RegisteredArchive
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.database import Database
from kit.errors import Conflict, NotFound
from services.generation.ports import Artifact, PoolState, Replica
from services.generation.repository.hosting.tables import leases
from services.generation.service.hosting.hosting import Hosting
from services.generation.service.hosting.planning import Room

WHO = Principal("acme", "111122223333", "key-1")
OTHER = Principal("globex", "444455556666", "key-2")
ROOM = Room(accelerators=2, memory_mib=16_384)
LLAMA, MISTRAL = "TheBloke/Llama-2-7B-Chat-fp16", "mistralai/Mistral-7B-v0.1"


def entry(id: str, alias: str, **more: object) -> ModelEntry:
    return ModelEntry.model_validate(
        {
            "id": id,
            "name": alias,
            "provider": "test",
            "kind": "text",
            "engine": "vllm",
            "description": "A double.",
            "licence": "none",
            "source": alias,
            "folder": Path("/nowhere"),
            "aliases": [alias],
            **more,
        }
    )


def small_catalogue() -> Catalogue:
    terms = {"eula": "https://example.com/terms"}
    return Catalogue(
        [
            entry("meta.llama", LLAMA, **terms, aliases=[LLAMA, "meta-textgeneration-llama-2-7b"]),
            entry("mistral.mistral", MISTRAL, folder=None, replicas=("http://10.0.0.5:8000/v1",)),
            entry("tii.falcon", "tiiuae/falcon-11B", folder=None),
        ]
    )


@dataclass
class FakeFleet:
    """Copies are ready as soon as the test says so; `room` is how many fit."""

    room: int = 8
    is_ready: bool = True
    failure: str = ""
    wishes: dict[tuple[str, str], tuple[int, int | None]] = field(default_factory=dict)

    def replicas(self, model: str) -> Sequence[Replica]:
        return ()

    def state(self, model: str) -> PoolState:
        wanted = max((w[0] for (name, _), w in self.wishes.items() if name == model), default=0)
        if self.failure:
            return PoolState("failed", 0, wanted, self.failure)
        if not wanted:
            return PoolState("stopped", 0, 0)
        return PoolState("ready", wanted, wanted) if self.is_ready else PoolState("starting", 0, 1)

    def outstanding(self, model: str, requests: int) -> None:
        pass

    async def demand(
        self, model: str, holder: str, copies: int, *, at_most: int | None = None
    ) -> None:
        if copies > self.room:
            raise Conflict(f"{copies} copies do not fit: this machine has room for {self.room}.")
        self.wishes[(model, holder)] = (copies, at_most)

    async def release(self, model: str, holder: str) -> None:
        self.wishes.pop((model, holder), None)


@dataclass
class FakeShelf:
    """Admits what it is given, or refuses it."""

    refusal: str = ""
    checking: bool = False
    names: dict[str, set[str]] = field(default_factory=dict)
    folders: tuple[str, ...] = ("es", "fr")

    async def register_archive(self, who: Principal, ask: RegisterArchive) -> RegisteredArchive:
        self.names.setdefault(ask.component, set()).update(self.folders)
        return RegisteredArchive(adapters={name: self._adapter(name) for name in self.folders})

    async def add(self, who: Principal, ask: AddAdapter) -> Adapter:
        name = ask.name or ""
        self.names.setdefault(ask.component, set()).add(name)
        return self._adapter(name)

    async def get(self, who: Principal, digest: str) -> Adapter:
        return self._adapter("", digest)

    async def release_component(self, who: Principal, component: str) -> None:
        self.names.pop(component, None)

    def _adapter(self, name: str, digest: str = "") -> Adapter:
        state = "refused" if self.refusal else "checking" if self.checking else "ready"
        return Adapter(
            digest=digest or sha256(name.encode()).hexdigest(),
            base="meta.llama",
            rank=8,
            size=1,
            source="s3://adapters/a.tar.gz",
            state=state,
            reasons=[self.refusal] if self.refusal else [],
            checks=[],
            job="job",
            owned=True,
            names=[],
            created_at=0,
            updated_at=0,
        )


@dataclass
class FakeArtifacts:
    held: dict[str, Artifact] = field(default_factory=dict)

    async def look(self, tenant: str, uri: str) -> Artifact:
        if uri not in self.held:
            raise NotFound(f"Could not find model data at {uri}.")
        return self.held[uri]


@dataclass
class Stage:
    hosting: Hosting
    fleet: FakeFleet
    shelf: FakeShelf
    artifacts: FakeArtifacts
    database: Database

    def again(self, catalogue: Catalogue | None = None, seen: float = 0.0) -> Hosting:
        """The same rows under a process that has just started, whose fleet knows nothing."""
        self.fleet.wishes.clear()
        self.database.write_now(lambda connection: connection.execute(delete(leases)))
        self.hosting = self._process(self.fleet, catalogue or small_catalogue(), seen)
        return self.hosting

    def beside(self) -> "Stage":
        """Another process on the same database, with a fleet of its own."""
        fleet = FakeFleet()
        hosting = self._process(fleet, small_catalogue())
        return Stage(hosting, fleet, self.shelf, self.artifacts, self.database)

    def _process(self, fleet: FakeFleet, known: Catalogue, seen: float = 0.0) -> Hosting:
        return Hosting.of(self.database, known, fleet, self.shelf, self.artifacts, ROOM, seen)

    async def settle(self) -> None:
        """Looks until nothing is on its way, or nothing moves it on."""
        for _ in range(10):
            if not await self.hosting.reconciler.tick():
                return


@asynccontextmanager
async def staged(folder: Path, url: str = "") -> AsyncIterator[Stage]:
    database = Database(url or f"sqlite:///{folder}/hosting.db")
    database.create_tables()
    fleet, shelf, artifacts = FakeFleet(), FakeShelf(), FakeArtifacts()
    artifacts.held["s3://models/adapters.tar.gz"] = Artifact("", ("es", "fr"))
    hosting = Hosting.of(database, small_catalogue(), fleet, shelf, artifacts, ROOM, 0.0)
    try:
        yield Stage(hosting, fleet, shelf, artifacts, database)
    finally:
        database.close()
