"""One transaction at a time for work that many processes offer to do."""

from zlib import crc32

from sqlalchemy import Connection, func, select


def only_one(connection: Connection, work: str) -> bool:
    """Whether this transaction is the only one that does `work` now; never waits.

    SQLite has a single writer, so it always is.
    """
    if connection.dialect.name == "sqlite":
        return True
    lock = func.pg_try_advisory_xact_lock(crc32(work.encode()))
    return bool(connection.execute(select(lock)).scalar_one())
