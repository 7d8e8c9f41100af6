"""Makes the tables, and refuses a database whose tables another version made."""

import hashlib

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, select, text

from kit.errors import Conflict

_OWN = MetaData()
_SHAPES = Table(
    "undercroft_tables",
    _OWN,
    Column("name", String, primary_key=True),
    Column("shape", String, nullable=False),
)
_LOCK = 72_650_123


def create_tables(connection: Connection, metadata: MetaData) -> None:
    """Creates what is missing; raises Conflict for a table of another shape, before it is used."""
    if connection.dialect.name == "postgresql":  # several processes start at once
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    _OWN.create_all(connection)
    metadata.create_all(connection)
    known = {row.name: row.shape for row in connection.execute(select(_SHAPES))}
    for table in metadata.sorted_tables:
        shape = _shape(table)
        if table.name not in known:
            connection.execute(insert(_SHAPES).values(name=table.name, shape=shape))
        elif known[table.name] != shape:
            raise Conflict(
                f"Another version of Undercroft made this database: {table.name} differs. "
                "Run that version, or start with an empty database."
            )


def _shape(table: Table) -> str:
    columns = [
        f"{column.name} {column.type!r} {column.nullable} {column.primary_key}"
        for column in table.columns
    ]
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()[:16]
