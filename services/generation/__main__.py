"""`python -m services.generation`: the generation service as a process of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from integrations.blobs import open_blobs
from integrations.redis.waker import open_waker
from kit.auth.audit import AuditLog
from kit.auth.audit_heads import HeadsFile
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.objects.store import ObjectStore
from kit.process import open_database, process, serve
from kit.settings import settings_of
from services.generation.app import create_app
from services.generation.composition.adapters import Surroundings
from services.generation.settings import GenerationProcessSettings


def main() -> None:
    with process("generation"):
        settings = settings_of(GenerationProcessSettings)
        serve(compose(settings), settings.host, settings.port, settings.drain)


def compose(settings: GenerationProcessSettings) -> FastAPI:
    """The service's app, which closes what is opened here when it ends."""
    closing = AsyncExitStack()
    keyring = Keyring.load(settings.master_key_file)
    database = open_database(settings.database_url)
    closing.callback(database.close)
    objects = ObjectStore(database, open_blobs(settings, closing))
    audit = AuditLog(database, keyring.audit, HeadsFile(settings.audit_heads, keyring.audit))
    waker = open_waker(settings.broker_url, closing)

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        audit.start()
        closing.push_async_callback(audit.close)
        async with closing:
            yield

    around = Surroundings(database, objects, audit, waker)
    trust = InternalTrust(keyring.internal)
    return create_app(settings, trust=trust, around=around, opened=opened)


if __name__ == "__main__":
    main()
