"""How every process begins and ends: what it lacks is told in one line, SIGTERM drains it."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from time import monotonic, sleep
from typing import Any

import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp
from typing_extensions import override

from kit.database import Database
from kit.errors import PlatformError, Unavailable
from kit.http_protocol import BoundedHttpProtocol

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that a process waits for its database at its start: both may have begun together."""
PRIVATE = 0o077
"""The umask of whatever writes tenants' data."""
_COLLECTIONS = (10_000, 20, 20)
"""New objects between collections, and collections between those of older and of all objects."""
_KEEP_ALIVE = (
    75  # longer than our own clients keep a connection, so that they are the ones to close
)


@contextmanager
def process(name: str) -> Iterator[None]:
    """The whole life of a process; ends it with status 1 and one line where it cannot start.

    Every file that it makes is its user's alone.
    """
    os.umask(PRIVATE)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        yield
    except PlatformError as error:
        sys.exit(f"{name}: {error.message}")


def open_database(url: SecretStr, *, patience: float = PATIENCE, **connections: int) -> Database:
    """A database with its tables; waits for a server that is still starting."""
    database = Database(url.get_secret_value(), **connections)
    give_up = monotonic() + patience
    while True:
        try:
            database.create_tables()
        except Unavailable as error:
            if monotonic() > give_up:
                raise
            log.warning("waiting for the database: %s", error.message)
            sleep(0.5)
        else:
            return database


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of a certificate (with its chain) and its private key."""

    certificate: Path
    private_key: Path


def server_config(
    app: ASGIApp, host: str, port: int, drain: int, tls: Tls | None = None
) -> uvicorn.Config:
    """uvicorn as every process here runs it; `drain` bounds the end of requests under way."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=drain,
        timeout_keep_alive=_KEEP_ALIVE,
        log_config=None,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.private_key if tls else None,
    )


class Server(uvicorn.Server):
    """Keeps the collector of reference cycles away from what lives as long as the process.

    Else it walks the service models and every imported module now and then, in mid-request. What a
    request leaves behind dies by itself but for what failed, so it is looked at less often too.
    """

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTIONS)


def serve(app: ASGIApp, host: str, port: int, drain: int) -> None:
    """Serves until SIGTERM; then the process ends with status 0 once it is drained."""
    running = Server(server_config(app, host, port, drain))
    running.run()
    if not running.started:
        sys.exit(1)


def _end(*_: Any) -> None:
    """uvicorn raises the signal again once it has drained; what is left to do is to end well."""
    sys.exit(0)
