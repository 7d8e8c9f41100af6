"""`python -m services.search`: the search service as a process of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from contracts.generation.client import GenerationClient
from contracts.transport import HttpTransport
from integrations.blobs import open_blobs
from integrations.redis.waker import open_waker
from kit.auth.audit import AuditLog
from kit.auth.audit_heads import HeadsFile
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.objects.store import ObjectStore
from kit.process import open_database, process, serve
from kit.settings import settings_of
from services.search.app import Surroundings, create_app
from services.search.settings import SearchProcessSettings


def main() -> None:
    with process("search"):
        settings = settings_of(SearchProcessSettings)
        serve(compose(settings), settings.host, settings.port, settings.drain)


def compose(settings: SearchProcessSettings) -> FastAPI:
    """The service's app, which closes what is opened here when it ends."""
    closing = AsyncExitStack()
    keyring = Keyring.load(settings.master_key_file)
    trust = InternalTrust(keyring.internal)
    database = open_database(settings.database_url)
    closing.callback(database.close)
    objects = ObjectStore(database, open_blobs(settings, closing))
    audit = AuditLog(database, keyring.audit, HeadsFile(settings.audit_heads, keyring.audit))
    waker = open_waker(settings.broker_url, closing)
    transport = HttpTransport(settings.generation_url)
    closing.push_async_callback(transport.close)
    generation = GenerationClient(transport, trust)
    around = Surroundings(database, objects, audit, waker, generation, trust)

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        audit.start()
        closing.push_async_callback(audit.close)
        async with closing:
            yield

    return create_app(settings, around, opened=opened)


if __name__ == "__main__":
    main()
