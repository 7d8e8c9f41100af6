"""The gateway as a process of its own, with the services behind it on the network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import SecretStr

from contracts.generation.adapters_client import AdaptersClient
from contracts.generation.client import GenerationClient
from contracts.generation.hosting_client import HostingClient
from contracts.search.client import SearchClient
from contracts.transport import HttpTransport
from gateway.access import Access
from gateway.app import create_gateway
from gateway.backends import Backends
from gateway.dispatch import Dispatch
from gateway.settings import GatewaySettings
from integrations.blobs import open_blobs
from integrations.redis.limits import RedisLimiter, connect
from integrations.redis.waker import open_waker
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.auth.limits import Limiter, LocalLimiter
from kit.batches.store import STOPS, Batches
from kit.catalogue import Catalogue, load
from kit.database import clock
from kit.files.store import Files
from kit.jobs.store import Jobs
from kit.objects.store import ObjectStore
from kit.process import open_database
from kit.sweeping import DAY, HOUR, sweeping


def known_models(settings: GatewaySettings) -> Catalogue:
    """As the generation service makes it."""
    models = load(settings.models)
    for name, urls in settings.replicas.items():
        models = models.with_replicas(name, tuple(map(str, urls)))
    return models.with_served(settings.openai_model)


class Standalone:
    """Holds what the process has open; `app` is its ASGI app, which closes it all."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Raises what the process cannot start without: the master secret, the database."""
        self._closing = AsyncExitStack()
        keyring = Keyring.load(settings.master_key_file)
        self._database = open_database(settings.database_url)
        self._closing.callback(self._database.close)
        self._blobs = open_blobs(settings, self._closing)
        self._objects = ObjectStore(self._database, self._blobs)
        self._files = Files(self._database, self._objects)
        self._access = Access.of(
            self._database, keyring, settings.audit_heads, self._limiter(settings.redis_url)
        )
        self._search = self._reach(settings.search_url)
        self._generation = self._reach(settings.generation_url)
        trust = InternalTrust(keyring.internal)
        catalogue = known_models(settings)
        waker = open_waker(settings.broker_url, self._closing)
        self._batches = Batches(self._database, waker)
        backends = Backends(
            database=self._database,
            objects=self._objects,
            files=self._files,
            batches=self._batches,
            jobs=Jobs(self._database, waker, stops=STOPS),
            catalogue=catalogue,
            search=SearchClient(self._search, trust),
            generation=GenerationClient(self._generation, trust),
            hosting=HostingClient(self._generation, trust),
            adapters=AdaptersClient(self._generation, trust),
            metering=self._access.metering(catalogue),
        )
        self.app: Dispatch = create_gateway(
            backends, self._access, ready=self._ready, lifespan=self._lifespan
        )

    def _reach(self, url: str) -> HttpTransport:
        transport = HttpTransport(url)
        self._closing.push_async_callback(transport.close)
        return transport

    def _limiter(self, url: SecretStr | None) -> Limiter:
        if url is None:
            return LocalLimiter()
        redis = connect(url.get_secret_value())
        self._closing.push_async_callback(redis.aclose)
        return RedisLimiter(redis)

    async def _ready(self) -> None:
        """Raises while objects, the database or a service cannot work; Redis may be away."""
        checks = [self._database.read(clock), self._blobs.check()]
        services = [
            service.request("GET", "/readyz", headers={}, body=b"")
            for service in (self._search, self._generation)
        ]
        await asyncio.gather(*checks, *services)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with (
            self._closing,
            self._access.running(),
            sweeping(self._objects.sweep, DAY, "objects"),
            sweeping(self._files.sweep, HOUR, "files"),
            sweeping(self._batches.sweep, DAY, "answers of batches"),
        ):
            yield
