"""Folders of weights: which there must be, and which may go."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, exists, not_, select, update

from kit.database import clock, db_now, insert_or_ignore
from services.generation.repository.adapters.tables import adapters, contents


def hold(connection: Connection, digest: str, size: int, place: Callable[[], None]) -> None:
    """Puts the folder in its place while nobody can remove it; call it before the row's insert."""
    connection.execute(insert_or_ignore(connection, contents).values(digest=digest, size=size))
    connection.execute(
        update(contents).where(contents.c.digest == digest).values(condemned_at=None, size=size)
    )
    place()


def condemn(connection: Connection, digest: str) -> None:
    """Lets the folder go, after a while, if no tenant needs it any more."""
    connection.execute(
        update(contents)
        .where(contents.c.digest == digest, contents.c.condemned_at.is_(None), not_(_needed()))
        .values(condemned_at=clock(connection))
    )


def condemned(connection: Connection, grace: float) -> list[str]:
    """Folders that nobody has needed for `grace` seconds."""
    query = select(contents.c.digest).where(contents.c.condemned_at <= db_now() - grace)
    return list(connection.execute(query).scalars())


def let_go(connection: Connection, digest: str, grace: float, remove: Callable[[], None]) -> bool:
    """Removes the folder unless it has found an owner meanwhile; says whether it did."""
    gone = connection.execute(
        delete(contents).where(
            contents.c.digest == digest,
            contents.c.condemned_at <= db_now() - grace,
            not_(_needed()),
        ),
        execution_options={"preserve_rowcount": True},
    ).rowcount
    if gone:
        remove()
    return bool(gone)


def known(connection: Connection) -> set[str]:
    return set(connection.execute(select(contents.c.digest)).scalars())


def _needed() -> Any:
    """Some tenant has it, ready or still being checked."""
    return exists().where(adapters.c.digest == contents.c.digest, adapters.c.state != "refused")
