"""The database's own failures are leaves of the platform's error tree."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, exc, text

from kit.database import Database
from kit.errors import Internal, PlatformError, Unavailable

ERROR = sqlite3.Error("reason")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/errors.db")
    yield database
    database.close()


@pytest.mark.parametrize(
    ("kind", "leaf"),
    [
        (exc.OperationalError, Unavailable),
        (exc.InterfaceError, Unavailable),
        (exc.DatabaseError, Internal),
        (exc.InternalError, Internal),
        (exc.ProgrammingError, Internal),
        (exc.DataError, Internal),
        (exc.IntegrityError, Internal),
    ],
)
def test_every_failure_of_the_driver_is_told_as_one_of_ours(
    database: Database, kind: type[exc.DBAPIError], leaf: type[PlatformError]
) -> None:
    def fail(_: Connection) -> None:
        raise kind("SELECT 1", {}, ERROR)

    with pytest.raises(leaf):
        database.write_now(fail)


def test_a_connection_that_broke_is_worth_another_try(database: Database) -> None:
    def fail(_: Connection) -> None:
        raise exc.DatabaseError("SELECT 1", {}, ERROR, connection_invalidated=True)

    with pytest.raises(Unavailable):
        database.write_now(fail)


def test_neither_the_log_nor_the_error_repeats_what_was_to_be_written(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def twice(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE t (a TEXT PRIMARY KEY)"))
        for _ in range(2):
            connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": "a secret text"})

    with caplog.at_level(logging.ERROR), pytest.raises(Internal) as raised:
        database.write_now(twice)
    assert "INSERT INTO t" in caplog.text
    assert "secret" not in caplog.text + str(raised.value) + str(raised.value.__cause__)
