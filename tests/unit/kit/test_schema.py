"""A database is only used by the version that made its tables."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect

from kit.database import Database
from kit.errors import Conflict
from kit.schema import create_tables


def version(*columns: Column[object]) -> MetaData:
    metadata = MetaData()
    Table("things", metadata, Column("id", Integer, primary_key=True), *columns)
    return metadata


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/x.db")


def test_the_same_version_starts_again(database: Database) -> None:
    for _ in range(2):
        database.write_now(create_tables, version())
    database.close()


def test_another_versions_table_is_refused_before_it_is_used(database: Database) -> None:
    database.write_now(create_tables, version())
    with pytest.raises(Conflict, match="things differs"):
        database.write_now(create_tables, version(Column("name", String)))
    database.close()


def test_a_table_that_is_new_is_added(database: Database) -> None:
    database.write_now(create_tables, version())
    more = version()
    Table("others", more, Column("id", Integer, primary_key=True))
    database.write_now(create_tables, more)
    assert "others" in inspect(database.engine).get_table_names()
    database.close()
