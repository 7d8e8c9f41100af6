"""Which kind of job is done by whom: every handler only asks a service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from contracts.search.client import SearchClient
from contracts.transport import HttpTransport
from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.jobs.ports import Handlers
from workers.ingestion import Ingestion, Removal
from workers.settings import WorkerSettings

_STEP_PATIENCE = 3600.0  # seconds: a step is a whole document, which may be a long one


@dataclass(frozen=True, slots=True)
class Clients:
    """One typed client per service that does the work of a job kind."""

    search: SearchClient


def build_handlers(clients: Clients) -> Handlers:
    """By job kind; a kind that is not here stays queued for a worker that knows it."""
    return {
        "ingestion": Ingestion(clients.search).run,
        "removal": Removal(clients.search).run,
    }


@asynccontextmanager
async def open_handlers(settings: WorkerSettings) -> AsyncIterator[Handlers]:
    """The handlers of a worker process, with clients open on its event loop."""
    trust = InternalTrust(Keyring.load(settings.master_key_file).internal)
    transport = HttpTransport(settings.search_url, timeout=_STEP_PATIENCE)
    try:
        yield build_handlers(Clients(SearchClient(transport, trust)))
    finally:
        await transport.close()
