"""`python -m workers worker` and `python -m workers dispatcher`."""

import asyncio
import logging
import signal
import sys

from integrations.redis.waker import RedisWaker
from kit.database import Database
from workers.app import create_app
from workers.dispatcher import Dispatcher, celery_publisher
from workers.handlers import open_handlers
from workers.settings import WorkerSettings
from workers.tasks import run_worker


async def run_dispatcher(settings: WorkerSettings) -> None:
    """Dispatches until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(settings.database_url.get_secret_value(), readers=1, writers=2)
    database.create_tables()
    waker = RedisWaker(settings.broker_url.get_secret_value())
    publish = celery_publisher(create_app(settings))
    try:
        await Dispatcher(database, settings, publish, waker.wait).run(stop)
    finally:
        await waker.close()
        database.close()


def main(role: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    settings = WorkerSettings()
    if role == "dispatcher":
        asyncio.run(run_dispatcher(settings))
    elif role == "worker":
        run_worker(settings, create_app(settings), open_handlers)
    else:
        raise SystemExit("usage: python -m workers worker|dispatcher")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
