"""One database behind every process: short transactions written as plain functions.

A transaction is a function that takes a SQLAlchemy `Connection`; `read` and `write` run it on a
thread, so the event loop never waits for a disk. The same functions run on SQLite (WAL, FULL, one
writer) and PostgreSQL. Times are UNIX seconds as doubles, taken from the database's clock.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import (
    Connection,
    Double,
    Engine,
    MetaData,
    Table,
    create_engine,
    event,
    exc,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from kit.errors import Internal, InvalidRequest, PlatformError, StorageFull, Unavailable
from kit.schema import create_tables

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "secure_delete=ON",  # what is deleted is overwritten: it may be somebody's erasure
)

METADATA = MetaData()
"""Every table of the platform; each package declares its own in a `tables.py`."""


class db_now(FunctionElement[float]):  # noqa: N801 - it stands in SQL where a function stands
    """The database's clock in UNIX seconds; the only clock that leases and expiries trust."""

    type = Double()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"  # unixepoch('subsec') needs SQLite 3.42


@compiles(db_now, "postgresql")
def _postgresql_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


class Database:
    """Runs transactions: `await database.write(accept_job, request)`; the `_now` twins block."""

    def __init__(self, url: str, *, readers: int = 4, writers: int = 8) -> None:
        """`url` is SQLAlchemy's: `sqlite:///path` or `postgresql+psycopg://…`."""
        self.engine = _engine(url, connections=readers + writers)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite has one writer: a queue in front of it beats a lock that times out.
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else writers, "db-write")
        self._readers = ThreadPoolExecutor(readers, "db-read")

    def create_tables(self) -> None:
        """Creates what is missing; raises Conflict where another version made the database."""
        self.write_now(create_tables, METADATA)

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work` in a transaction of its own that may not write."""
        call = lambda: self.read_now(work, *args, **kwargs)  # noqa: E731 - ParamSpec through a thread
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work` in one transaction; returns only after its COMMIT is durable."""
        call = lambda: self.write_now(work, *args, **kwargs)  # noqa: E731 - ParamSpec through a thread
        return await asyncio.get_running_loop().run_in_executor(self._writers, call)

    def read_now(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`read` on the calling thread."""
        with _translated(), self.engine.connect() as connection:
            return work(connection, *args, **kwargs)

    def write_now(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`write` on the calling thread."""
        with _translated(), self.engine.connect() as connection:
            connection = connection.execution_options(undercroft_write=True)
            with connection.begin():
                return work(connection, *args, **kwargs)

    async def scrub(self) -> None:
        """Empties SQLite's log of the rows that it still holds; PostgreSQL sees to its own."""
        if self.is_sqlite:
            await asyncio.get_running_loop().run_in_executor(self._writers, self._truncate_log)

    def _truncate_log(self) -> None:
        with _translated(), self.engine.connect() as connection:
            options = connection.execution_options(isolation_level="AUTOCOMMIT")
            options.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Waits for the transactions under way, then lets every connection go."""
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()


def insert_or_ignore(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that does nothing where a unique key already stands (`rowcount` tells)."""
    counted = {"preserve_rowcount": True}  # PostgreSQL's would be -1
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing().execution_options(**counted)
    return postgresql.insert(table).on_conflict_do_nothing().execution_options(**counted)


def clock(connection: Connection) -> float:
    """The database's time, UNIX seconds."""
    return float(connection.execute(select(db_now())).scalar_one())


def _engine(url: str, *, connections: int) -> Engine:
    parsed = make_url(url)
    # Parameters are tenants' texts, which no log and no error may repeat.
    options: Any = {"pool_size": connections, "max_overflow": 0, "hide_parameters": True}
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, **options)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A write that starts as a read can find the lock taken half-way; IMMEDIATE takes it first.
    writes = connection.get_execution_options().get("undercroft_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_NUL = "cannot contain NUL"
_AWAY = (exc.OperationalError, exc.InterfaceError)


@contextmanager
def _translated() -> Iterator[None]:
    """Makes the database's own failures leaves of the platform's tree."""
    try:
        yield
    except PlatformError:
        raise
    except exc.DBAPIError as error:
        reason = str(error.orig)
        if "disk is full" in reason or getattr(error.orig, "sqlstate", None) == "53100":
            raise StorageFull("The database's disk is full; free space, then try again.") from error
        if "readonly" in reason:
            raise Unavailable(
                "The database's folder is read-only; let this user write to it."
            ) from error
        if error.connection_invalidated or isinstance(error, _AWAY):
            raise Unavailable("The database does not answer now.", retry_after=1) from error
        if _NUL in reason:  # of PostgreSQL's driver; SQLite keeps it
            raise InvalidRequest("A text may not hold the character NUL.") from error
        # The first line: those behind it repeat values of the row.
        log.error("The database refused %s: %s", error.statement, reason.partition("\n")[0])  # noqa: TRY400
        raise Internal("The database refused a statement; the log has the details.") from error
    except exc.TimeoutError as error:
        raise Unavailable("Every database connection is busy.", retry_after=1) from error
