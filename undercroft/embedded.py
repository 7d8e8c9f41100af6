"""The embedded mode: every service in one process, one SQLite file, one folder."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from fastapi import FastAPI

from contracts.generation.adapters_client import AdaptersClient
from contracts.generation.client import GenerationClient
from contracts.generation.hosting_client import HostingClient
from contracts.search.client import SearchClient
from contracts.transport import InProcessTransport
from gateway.access import Access
from gateway.app import create_gateway
from gateway.backends import Backends
from gateway.dispatch import Dispatch
from integrations.local.blobs import LocalBlobs
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.auth.limits import LocalLimiter
from kit.batches.store import STOPS, Batches
from kit.database import Database, clock
from kit.disk import check_room, usable
from kit.errors import Unavailable
from kit.files.store import Files
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from kit.objects.store import ObjectStore
from kit.process import PRIVATE
from kit.sweeping import DAY, HOUR, sweeping
from services.generation.app import catalogue as catalogue_of
from services.generation.app import create_app as create_generation
from services.generation.composition.adapters import Surroundings as GenerationSurroundings
from services.generation.settings import GenerationSettings
from services.search.app import Surroundings
from services.search.app import create_app as create_search
from services.search.settings import SearchSettings
from workers.clients import Clients
from workers.handlers import build_handlers


@dataclass(frozen=True, slots=True)
class Folder:
    """Where an embedded platform keeps everything."""

    root: Path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.root.resolve()}/undercroft.db"

    @property
    def master_key(self) -> Path:
        return self.root / "master.key"

    @property
    def client_env(self) -> Path:
        return self.root / "client.env"

    def claim(self) -> None:
        """Makes the folder; whoever made it, nobody but this user enters it from now on.

        Raises StorageFull, InvalidRequest.
        """
        with usable(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            if self.root.stat().st_mode & PRIVATE:
                self.root.chmod(0o700)
            with TemporaryFile(dir=self.root) as probe:
                probe.write(b"\0")
                probe.flush()


class Embedded:
    """Holds what the platform is made of; `app` is its ASGI app."""

    def __init__(
        self,
        folder: Folder,
        *,
        models: Path | None = None,
        serve: Mapping[str, Path] | None = None,
    ) -> None:
        """`models` is where exported models are cached; None keeps them in the folder.

        `serve` names text models by the folders of their weights.
        """
        self.folder = folder
        folder.claim()
        keyring = Keyring.load_or_create(folder.master_key)
        self.database = Database(folder.database_url)
        self.database.create_tables()
        self._access = Access.of(
            self.database, keyring, folder.root / "audit.heads", LocalLimiter()
        )
        self.directory = self._access.directory
        self._trust = InternalTrust(keyring.internal)
        self._waker = LocalWaker()
        self._blobs = LocalBlobs(folder.root / "objects")
        self._objects = ObjectStore(self.database, self._blobs)
        self._files = Files(self.database, self._objects)
        self._batches = Batches(self.database, self._waker)
        self._services: list[FastAPI] = []
        self._is_ready = False
        self.app = self._compose(models or folder.root / "models", serve or {})

    def _compose(self, models: Path, serve: Mapping[str, Path]) -> Dispatch:
        generation_settings = GenerationSettings(folder=self.folder.root / "generation")
        if serve:
            generation_settings = generation_settings.model_copy(update={"serve": dict(serve)})
        generation_app = create_generation(
            generation_settings,
            trust=self._trust,
            around=GenerationSurroundings(
                self.database, self._objects, self._access.audit, self._waker
            ),
        )
        transport = InProcessTransport(generation_app)
        generation = GenerationClient(transport, self._trust)
        adapters = AdaptersClient(transport, self._trust)
        search_app = create_search(
            SearchSettings(folder=self.folder.root / "search", exported_models=models),
            Surroundings(
                self.database,
                self._objects,
                self._access.audit,
                self._waker,
                generation,
                self._trust,
            ),
        )
        search = SearchClient(InProcessTransport(search_app), self._trust)
        self._services = [generation_app, search_app]
        catalogue = catalogue_of(generation_settings)
        metering = self._access.metering(catalogue)
        clients = Clients(
            search,
            generation,
            adapters,
            self.database,
            self._objects,
            self._files,
            metering,
            catalogue,
        )
        self._runner = JobRunner(
            self.database,
            build_handlers(clients),
            self._waker,
            instance_lock=self.folder.root / "runner.lock",
        )
        backends = Backends(
            database=self.database,
            objects=self._objects,
            files=self._files,
            batches=self._batches,
            jobs=Jobs(self.database, self._waker, stops=STOPS),
            catalogue=catalogue,
            search=search,
            generation=generation,
            hosting=HostingClient(transport, self._trust),
            adapters=adapters,
            metering=metering,
        )
        return create_gateway(backends, self._access, ready=self._ready, lifespan=self._lifespan)

    async def _ready(self) -> None:
        if not self._is_ready:
            raise Unavailable("The platform is starting or stopping.", retry_after=1)
        await asyncio.to_thread(check_room, self.folder.root)
        await self.database.read(clock)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        """Mounted apps get no lifespan events of their own, so theirs are entered here."""
        async with AsyncExitStack() as stack:
            stack.callback(self.database.close)
            stack.callback(self._blobs.close)
            await stack.enter_async_context(self._access.running())
            for service in self._services:
                await stack.enter_async_context(service.router.lifespan_context(service))
            await self._runner.start()
            stack.push_async_callback(self._runner.stop, grace=5.0)
            await stack.enter_async_context(sweeping(self._objects.sweep, DAY, "objects"))
            await stack.enter_async_context(sweeping(self._files.sweep, HOUR, "files"))
            batches = sweeping(self._batches.sweep, DAY, "answers of batches")
            await stack.enter_async_context(batches)
            self._is_ready = True
            yield
            self._is_ready = False
