"""The killed processes of the Celery mode: `python -m tests.faults.celery_child`."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from kit.database import Database
from kit.jobs.dispatch import Message
from kit.jobs.ports import Handlers
from tests.faults.child import arm_failpoints, start, stop_event
from tests.faults.settings import FaultSettings
from tests.faults.work import handlers
from workers.app import create_app
from workers.dispatcher import Dispatcher, celery_publisher
from workers.settings import WorkerSettings
from workers.tasks import run_worker


async def dispatch_jobs(settings: FaultSettings) -> None:
    """A dispatcher whose messages come twice, late or out of order now and then."""
    stop = stop_event()
    random = settings.random()
    worker = worker_settings(settings)
    send = celery_publisher(create_app(worker))

    def publish(message: Message) -> None:
        copies = 2 if random.random() < 0.1 else 1
        for _ in range(copies):
            if random.random() < 0.05:
                threading.Timer(random.random() * 2 * settings.lease, send, [message]).start()
            else:
                send(message)

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)

    database = Database(settings.database_url, readers=1, writers=2)
    await Dispatcher(database, worker, publish, wait).run(stop)


def work_for_celery(settings: FaultSettings) -> None:
    @asynccontextmanager
    async def open_handlers(worker: WorkerSettings) -> AsyncIterator[Handlers]:
        arm_failpoints(settings.model_copy(update={"generation": os.getpid()}))
        yield handlers(settings.lease)

    worker = worker_settings(settings)
    run_worker(worker, create_app(worker), open_handlers)


def worker_settings(settings: FaultSettings) -> WorkerSettings:
    return WorkerSettings(
        database_url=SecretStr(settings.database_url),
        broker_url=SecretStr(settings.broker_url),
        concurrency=3,
        fleet=6,
        lease=settings.lease,
        resend_after=settings.resend_after,
        poll=0.2,
        drain=0.0,
    )


def main() -> None:
    settings = start()
    if settings.role.startswith("worker"):
        work_for_celery(settings)
    else:
        arm_failpoints(settings)
        asyncio.run(dispatch_jobs(settings))


if __name__ == "__main__":
    main()
