"""Which kind of job is done by whom."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from contracts.generation.adapters import ADMISSION
from contracts.generation.invocations import ASYNC_INFERENCE
from contracts.generation.metered import MeteredGeneration
from contracts.search.ingestion import INGESTION, REMOVAL
from kit.batches.store import KIND as BATCH
from kit.jobs.ports import Handler, Handlers, JobContext, JsonObject
from workers.admission import Admission
from workers.async_inference import AsyncInference
from workers.batch.bedrock import BedrockBatches, Models
from workers.batch.job import BatchJob
from workers.batch.openai import Endpoints, OpenAIBatches
from workers.batch.wire import BatchWire
from workers.clients import Clients, open_clients
from workers.ingestion import Ingestion, Removal
from workers.settings import WorkerSettings


def _batch(clients: Clients) -> Handler:
    generation = MeteredGeneration(clients.generation, clients.metering)
    doing = (generation, clients.search, clients.metering)
    wires: dict[str, BatchWire] = {
        "openai": OpenAIBatches(clients.database, clients.files, Endpoints(*doing)),
        "bedrock": BedrockBatches(
            clients.database, clients.objects, Models(*doing, clients.catalogue)
        ),
    }
    return _booked(clients, BatchJob(clients.database, wires, clients.metering.store).run)


def _async_inference(clients: Clients) -> Handler:
    generation = MeteredGeneration(clients.generation, clients.metering)
    return _booked(clients, AsyncInference(generation, clients.objects).run)


def _booked(clients: Clients, handler: Handler) -> Handler:
    """Stores what a job has used as it ends, for the loop of a worker stands still between jobs."""

    async def run(context: JobContext) -> JsonObject:
        try:
            return await handler(context)
        finally:
            await clients.metering.store()

    return run


_HANDLERS: Mapping[str, Callable[[Clients], Handler]] = {
    INGESTION: lambda clients: Ingestion(clients.search).run,
    REMOVAL: lambda clients: Removal(clients.search).run,
    ADMISSION: lambda clients: Admission(clients.adapters).run,
    BATCH: _batch,
    ASYNC_INFERENCE: _async_inference,
}
"""By job kind; a kind that is not here stays queued for a worker that knows it."""

KINDS = tuple(_HANDLERS)


def build_handlers(clients: Clients) -> Handlers:
    return {kind: build(clients) for kind, build in _HANDLERS.items()}


@asynccontextmanager
async def open_handlers(settings: WorkerSettings) -> AsyncIterator[Handlers]:
    """The handlers of a worker process, with clients open on its event loop."""
    async with open_clients(settings) as clients:
        yield build_handlers(clients)
