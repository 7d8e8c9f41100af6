"""The faults: each does one bad thing to the running system."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random

from sqlalchemy import select

from kit.database import Database
from kit.errors import Unavailable
from kit.jobs.dispatch import Message
from kit.jobs.tables import jobs
from tests.faults.troupe import Actor
from tests.support.servers import PostgresServer, RedisServer

Fault = Callable[[], object]


def faults_on_processes(actors: list[Actor], lease: float, random: Random) -> dict[str, Fault]:
    def any_of(*roles: str) -> Actor:
        return random.choice([actor for actor in actors if actor.role.startswith(roles)])

    runs_jobs = ("runner", "worker")
    return {
        "drain a worker": lambda: any_of(*runs_jobs).signal(signal.SIGTERM, alone=True),
        "kill a worker": lambda: any_of(*runs_jobs).signal(signal.SIGKILL),
        "stop a worker past its lease": lambda: any_of(*runs_jobs).stop_for(lease + 1.5),
        "kill an accepter": lambda: any_of("accepter").signal(signal.SIGKILL),
    }


def faults_on_servers(
    actors: list[Actor],
    postgres: PostgresServer,
    redis: RedisServer,
    database: Database,
    publish: Callable[[Message], None],
    random: Random,
) -> dict[str, Fault]:
    def workers() -> Actor:
        return random.choice([actor for actor in actors if actor.role.startswith("worker")])

    def kill_child() -> None:
        children = workers().children()
        if children:
            with suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)

    def restart_broker() -> None:
        redis.kill()
        redis.start()

    def hang_broker() -> None:
        if redis.process is not None:
            redis.process.send_signal(signal.SIGSTOP)
            threading.Timer(3.0, redis.process.send_signal, [signal.SIGCONT]).start()

    def flush_broker() -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", redis.port), 1) as link:
            link.sendall(b"FLUSHALL\r\n")
            link.recv(16)

    def replay_old_messages() -> None:
        with suppress(Unavailable):
            ids = database.read_now(lambda c: c.execute(select(jobs.c.id)).scalars().all())
            for job_id in random.sample(ids, min(20, len(ids))):
                publish(Message(job_id, quarantined=False))

    return {
        "kill a worker's child": kill_child,
        "kill a worker but not its children": lambda: workers().signal(signal.SIGKILL, alone=True),
        "kill a dispatcher": lambda: random.choice(
            [actor for actor in actors if actor.role.startswith("dispatcher")]
        ).signal(signal.SIGKILL),
        "restart the database at once": postgres.restart_at_once,
        "kill the broker with all it has": restart_broker,
        "empty the broker": flush_broker,
        "hang the broker": hang_broker,
        "replay old messages": replay_old_messages,
    }
