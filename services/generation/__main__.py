"""`python -m services.generation`: the generation service as a process of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from integrations.local.blobs import LocalBlobs
from integrations.redis.waker import RedisWaker
from kit.auth.audit import AuditLog
from kit.auth.audit_heads import HeadsFile
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.jobs.waker import LocalWaker
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
    blobs = LocalBlobs(settings.objects)
    closing.callback(blobs.close)
    audit = AuditLog(database, keyring.audit, HeadsFile(settings.audit_heads, keyring.audit))
    waker = _waker(settings, closing)

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        audit.start()
        closing.push_async_callback(audit.close)
        async with closing:
            yield

    around = Surroundings(database, ObjectStore(database, blobs), audit, waker)
    trust = InternalTrust(keyring.internal)
    return create_app(settings, trust=trust, around=around, opened=opened)


def _waker(settings: GenerationProcessSettings, closing: AsyncExitStack) -> RedisWaker | LocalWaker:
    if settings.broker_url is None:
        return LocalWaker()
    waker = RedisWaker(settings.broker_url.get_secret_value())
    closing.push_async_callback(waker.close)
    return waker


if __name__ == "__main__":
    main()
