"""Leases by the database's clock: of several processes, one at a time does a work."""

from sqlalchemy import Connection, and_, delete, or_, select, update

from kit.database import db_now, insert_or_ignore
from services.generation.repository.hosting.tables import leases


def take(connection: Connection, work: str, owner: str, seconds: float) -> bool:
    """Takes a lease that is free, or renews the owner's; False where another one has it."""
    until = db_now() + seconds
    connection.execute(
        insert_or_ignore(connection, leases).values(work=work, owner=owner, until=until)
    )
    mine = or_(leases.c.owner == owner, leases.c.until < db_now())
    taken = connection.execute(
        update(leases).where(leases.c.work == work, mine).values(owner=owner, until=until)
    )
    return taken.rowcount == 1


def others(connection: Connection, work: str, owner: str) -> bool:
    """Whether another one has it now; cheaper than to try to take it."""
    query = select(leases.c.owner).where(
        leases.c.work == work, leases.c.owner != owner, leases.c.until >= db_now()
    )
    return connection.execute(query).one_or_none() is not None


def leave(connection: Connection, work: str, owner: str) -> None:
    """So that the next one need not wait for its end."""
    connection.execute(delete(leases).where(and_(leases.c.work == work, leases.c.owner == owner)))
