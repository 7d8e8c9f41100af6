"""Which kind of job is done by whom: every handler only asks a service over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kit.jobs.ports import Handlers
from workers.settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class Clients:
    """One typed HTTP client per service that does the work of a job kind."""


def build_handlers(clients: Clients) -> Handlers:
    """By job kind; a kind that is not here stays queued for a worker that knows it."""
    return {}


@asynccontextmanager
async def open_handlers(settings: WorkerSettings) -> AsyncIterator[Handlers]:
    """The handlers of a worker process, with clients open on its event loop."""
    yield build_handlers(Clients())
