"""Rows of knowledge bases, as transactions."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from contracts.search.knowledge_bases import KnowledgeBase, KnowledgeBaseSpec
from kit.database import clock, insert_or_ignore
from kit.errors import Conflict, NotFound
from services.search.repository.naming import by_token, or_same_name, refuse_same_name
from services.search.repository.tables import documents, knowledge_bases


@dataclass(frozen=True, slots=True)
class Base:
    """A knowledge base with what only the service knows of it."""

    shown: KnowledgeBase
    tenant: str
    model: str
    average_length: float | None


def create_base(
    connection: Connection,
    tenant: str,
    spec: KnowledgeBaseSpec,
    *,
    id: str,
    model: str,
    dimension: int,
    client_token: str | None,
) -> Base:
    """The new knowledge base, or the one that the same client token made before."""
    now = clock(connection)
    made = connection.execute(
        insert_or_ignore(connection, knowledge_bases).values(
            id=id,
            tenant=tenant,
            name=spec.name,
            spec=spec.model_dump(),
            model=model,
            dimension=dimension,
            status="ACTIVE",
            failure_reasons=[],
            client_token=client_token,
            created_at=now,
            updated_at=now,
        )
    )
    if made.rowcount == 0:
        again = by_token(connection, knowledge_bases, tenant, client_token)
        return _base(or_same_name(again, spec.name))
    return base(connection, tenant, id)


def base_by_token(connection: Connection, tenant: str, client_token: str | None) -> Base | None:
    row = by_token(connection, knowledge_bases, tenant, client_token)
    return _base(row) if row is not None else None


def base(connection: Connection, tenant: str, id: str) -> Base:
    """Raises NotFound for an absent one and for another tenant's alike."""
    row = connection.execute(
        select(knowledge_bases).where(
            knowledge_bases.c.tenant == tenant, knowledge_bases.c.id == id
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"Knowledge base {id} does not exist.", param="knowledgeBaseId")
    return _base(row)


def list_bases(connection: Connection, tenant: str, limit: int, after: str) -> list[KnowledgeBase]:
    """Up to `limit` in the order of their ids, after the id `after`."""
    rows = connection.execute(
        select(knowledge_bases)
        .where(knowledge_bases.c.tenant == tenant, knowledge_bases.c.id > after)
        .order_by(knowledge_bases.c.id)
        .limit(limit)
    )
    return [_base(row).shown for row in rows]


def update_base(connection: Connection, tenant: str, id: str, spec: KnowledgeBaseSpec) -> Base:
    same_name = select(knowledge_bases.c.id).where(
        knowledge_bases.c.tenant == tenant,
        knowledge_bases.c.name == spec.name,
        knowledge_bases.c.id != id,
    )
    refuse_same_name(connection, same_name, spec.name)
    _set_base(connection, tenant, id, name=spec.name, spec=spec.model_dump())
    return base(connection, tenant, id)


def set_base_status(connection: Connection, tenant: str, id: str, status: str) -> Base:
    _set_base(connection, tenant, id, status=status)
    return base(connection, tenant, id)


def set_average_length(connection: Connection, tenant: str, id: str, length: float) -> None:
    """BM25 normalises with it, from the next point and the next query on."""
    _set_base(connection, tenant, id, average_length=length)


def indexed_documents(connection: Connection, tenant: str, id: str) -> int:
    """How many documents have something visible."""
    return connection.execute(
        select(func.count()).where(
            documents.c.tenant == tenant,
            documents.c.knowledge_base == id,
            documents.c.version != 0,
        )
    ).scalar_one()


def check_active(found: Base) -> None:
    if found.shown.status != "ACTIVE":
        raise Conflict(f"Knowledge base {found.shown.id} is {found.shown.status}.")


def _set_base(connection: Connection, tenant: str, id: str, **values: Any) -> None:
    connection.execute(
        update(knowledge_bases)
        .where(knowledge_bases.c.tenant == tenant, knowledge_bases.c.id == id)
        .values(updated_at=clock(connection), **values)
    )


def _base(row: Row[Any]) -> Base:
    shown = KnowledgeBase(
        id=row.id,
        spec=KnowledgeBaseSpec.model_validate(row.spec),
        status=row.status,
        dimension=row.dimension,
        created_at=row.created_at,
        updated_at=row.updated_at,
        failure_reasons=row.failure_reasons,
    )
    return Base(shown, row.tenant, row.model, row.average_length)
