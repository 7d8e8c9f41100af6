"""The dispatcher between a database that lasts and a broker that may not."""

import asyncio
import threading

import pytest
from kombu.exceptions import OperationalError
from pydantic import SecretStr

from kit.database import Database
from kit.jobs.dispatch import Message
from tests.contract.jobs.steps import accept, let_lease_end, now_is, running, set_row
from tests.support.servers import free_port
from workers.app import JOBS_QUEUE, QUARANTINE_QUEUE, RUN_JOB, create_app
from workers.dispatcher import Dispatcher, celery_publisher
from workers.settings import WorkerSettings

SETTINGS = WorkerSettings(
    database_url=SecretStr("sqlite://"), broker_url=SecretStr("memory://"), fleet=1
)


class Broker:
    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.sent: list[str] = []

    def publish(self, message: Message) -> None:
        if self.down:
            raise OperationalError("no route to broker")
        self.sent.append(message.job_id)


def dispatcher(database: Database, broker: Broker) -> Dispatcher:
    return Dispatcher(database, SETTINGS, broker.publish, asyncio.sleep)


async def test_due_jobs_are_sent_up_to_four_for_each_child(database: Database) -> None:
    made = [accept(database).id for _ in range(6)]
    broker = Broker()
    await dispatcher(database, broker).send()
    assert broker.sent == made[:4]


async def test_a_broker_that_is_down_costs_a_while_but_no_job(database: Database) -> None:
    job = accept(database)
    broker = Broker(down=True)
    await dispatcher(database, broker).send()
    broker.down = False
    set_row(database, job.id, dispatched_at=0.0)  # the while has passed
    await dispatcher(database, broker).send()
    assert broker.sent == [job.id]


async def test_a_job_whose_worker_fell_silent_is_sent_again_at_once(database: Database) -> None:
    job = running(database)
    let_lease_end(database, job.id)
    broker = Broker()
    silent = dispatcher(database, broker)
    await silent.send()
    assert broker.sent == []
    await silent.reap()
    await silent.send()
    assert broker.sent == [job.id]
    assert now_is(database, job.id).crash_count == 1


async def test_a_broker_that_hangs_does_not_hold_up_the_reaper(database: Database) -> None:
    job, hang, stop = running(database), threading.Event(), asyncio.Event()
    accept(database)

    def publish(message: Message) -> None:
        hang.wait(20)

    hanging = Dispatcher(database, SETTINGS, publish, asyncio.sleep)
    task = asyncio.create_task(hanging.run(stop))
    await asyncio.sleep(0.2)
    let_lease_end(database, job.id)
    for _ in range(100):
        if now_is(database, job.id).state == "queued":
            break
        await asyncio.sleep(0.05)
    stop.set()
    hang.set()
    await task
    assert now_is(database, job.id).state == "queued"


def test_a_message_holds_the_jobs_id_and_nothing_else() -> None:
    app = create_app(SETTINGS)
    publish = celery_publisher(app)
    publish(Message("job-1", quarantined=False))
    publish(Message("job-2", quarantined=True))
    with app.connection_for_read() as connection:
        for queue, job_id in ((JOBS_QUEUE, "job-1"), (QUARANTINE_QUEUE, "job-2")):
            message = connection.SimpleQueue(queue).get_nowait()
            assert message.headers["task"] == RUN_JOB
            args, kwargs, _ = message.payload
            assert (args, kwargs) == ([job_id], {})


def test_publishing_to_a_broker_that_is_away_fails_soon_and_in_a_known_way() -> None:
    url = SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    publish = celery_publisher(create_app(SETTINGS.model_copy(update={"broker_url": url})))
    with pytest.raises((OperationalError, OSError)):
        publish(Message("job-1", quarantined=False))
