"""What the handlers of jobs reach: services by their clients, and the stores of the platform."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from contracts.generation.adapters_client import AdaptersClient
from contracts.generation.client import GenerationClient
from contracts.search.client import SearchClient
from contracts.transport import HttpTransport
from integrations.blobs import open_blobs
from integrations.redis.limits import RedisLimiter, connect
from kit.auth.budgets import Budgets
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.auth.limits import Limiter, LocalLimiter
from kit.auth.metering import Metering
from kit.auth.usage import UsageMeter
from kit.catalogue import Catalogue, load
from kit.database import Database
from kit.files.store import Files
from kit.objects.store import ObjectStore
from workers.settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class Clients:
    """One typed client per service, and what is shared with the doors."""

    search: SearchClient
    generation: GenerationClient
    adapters: AdaptersClient
    database: Database
    objects: ObjectStore
    files: Files
    metering: Metering
    catalogue: Catalogue


@asynccontextmanager
async def open_clients(settings: WorkerSettings) -> AsyncIterator[Clients]:
    """Of a worker process, on its event loop."""
    keyring = Keyring.load(settings.master_key_file)
    trust = InternalTrust(keyring.internal)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.get_secret_value(), readers=2, writers=2)
        stack.callback(database.close)
        objects = ObjectStore(database, open_blobs(settings, stack))
        generation = _reach(stack, settings.generation_url)
        catalogue = load(settings.models)
        yield Clients(
            SearchClient(_reach(stack, settings.search_url), trust),
            GenerationClient(generation, trust),
            AdaptersClient(generation, trust),
            database,
            objects,
            Files(database, objects),
            _metering(stack, settings, database, catalogue),
            catalogue,
        )


def _reach(stack: AsyncExitStack, url: str) -> HttpTransport:
    transport = HttpTransport(url)
    stack.push_async_callback(transport.close)
    return transport


def _metering(
    stack: AsyncExitStack,
    settings: WorkerSettings,
    database: Database,
    catalogue: Catalogue,
) -> Metering:
    usage = UsageMeter(database)
    usage.start()
    stack.push_async_callback(usage.close)
    return Metering(_limiter(stack, settings), usage, Budgets(database, usage), catalogue)


def _limiter(stack: AsyncExitStack, settings: WorkerSettings) -> Limiter:
    if settings.redis_url is None:
        return LocalLimiter()
    redis = connect(settings.redis_url.get_secret_value())
    stack.push_async_callback(redis.aclose)
    return RedisLimiter(redis)
