"""`python -m workers worker` and `python -m workers dispatcher`."""

import asyncio
import signal
import sys

from integrations.redis.waker import RedisWaker
from kit.auth.keyring import Keyring
from kit.process import open_database, process
from kit.settings import settings_of
from workers.app import create_app
from workers.dispatcher import Dispatcher, celery_publisher
from workers.handlers import KINDS, open_handlers
from workers.pulse import beating
from workers.settings import WorkerSettings
from workers.tasks import run_worker


async def run_dispatcher(settings: WorkerSettings) -> None:
    """Dispatches until SIGTERM or SIGINT."""
    database = open_database(settings.database_url, readers=1, writers=2)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    waker = RedisWaker(settings.broker_url.get_secret_value())
    publish = celery_publisher(create_app(settings))
    try:
        async with beating(settings.pulse):
            dispatcher = Dispatcher(database, settings, publish, waker.wait, kinds=KINDS)
            await dispatcher.run(stop)
    finally:
        await waker.close()
        database.close()


def run(role: str) -> None:
    settings = settings_of(WorkerSettings)
    Keyring.load(settings.master_key_file)  # a worker would learn only later that it is missing
    if role == "dispatcher":
        asyncio.run(run_dispatcher(settings))
    else:
        open_database(settings.database_url, readers=1, writers=1).close()
        run_worker(settings, create_app(settings), open_handlers)


def main(role: str) -> None:
    if role not in ("worker", "dispatcher"):
        sys.exit("usage: python -m workers worker|dispatcher")
    with process(role):
        run(role)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
