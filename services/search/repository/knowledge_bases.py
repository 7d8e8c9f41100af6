"""Rows of knowledge bases, data sources and tags, as transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select, update

from contracts.search.knowledge_bases import (
    DataSource,
    DataSourceSpec,
    KnowledgeBase,
    KnowledgeBaseSpec,
)
from kit.database import clock, insert_or_ignore
from kit.errors import Conflict, InvalidRequest, NotFound
from kit.identifiers import resource_id
from services.search.repository.tables import data_sources, documents, knowledge_bases, tags

_MOST_TAGS = 50


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
        again = _by_token(connection, knowledge_bases, tenant, client_token)
        return _base(_or_same_name(again, spec.name))
    return base(connection, tenant, id)


def base_by_token(connection: Connection, tenant: str, client_token: str | None) -> Base | None:
    row = _by_token(connection, knowledge_bases, tenant, client_token)
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
    _refuse(connection, same_name, spec.name)
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


def create_source(
    connection: Connection,
    tenant: str,
    knowledge_base: str,
    spec: DataSourceSpec,
    *,
    client_token: str | None,
) -> DataSource:
    """The new data source, or the one that the same client token made before."""
    check_active(base(connection, tenant, knowledge_base))
    now = clock(connection)
    id = resource_id()
    made = connection.execute(
        insert_or_ignore(connection, data_sources).values(
            id=id,
            tenant=tenant,
            knowledge_base=knowledge_base,
            name=spec.name,
            spec=spec.model_dump(),
            status="AVAILABLE",
            client_token=client_token,
            created_at=now,
            updated_at=now,
        )
    )
    if made.rowcount == 0:
        again = _by_token(connection, data_sources, tenant, client_token)
        return _source(_or_same_name(again, spec.name))
    return source(connection, tenant, knowledge_base, id)


def source(connection: Connection, tenant: str, knowledge_base: str, id: str) -> DataSource:
    row = connection.execute(
        select(data_sources).where(
            data_sources.c.tenant == tenant,
            data_sources.c.knowledge_base == knowledge_base,
            data_sources.c.id == id,
            data_sources.c.status != "DELETED",
        )
    ).one_or_none()
    if row is None:
        base(connection, tenant, knowledge_base)  # says so when this is the absent one
        raise NotFound(f"Data source {id} does not exist.", param="dataSourceId")
    return _source(row)


def hold_source(
    connection: Connection, tenant: str, knowledge_base: str, id: str, *, alone: bool = False
) -> None:
    """Keeps a data source from being deleted until the transaction ends; else raises NotFound.

    `alone` has others who hold it wait meanwhile.
    """
    row = connection.execute(
        select(data_sources.c.status, knowledge_bases.c.status.label("base_status"))
        .join(knowledge_bases, knowledge_bases.c.id == data_sources.c.knowledge_base)
        .where(
            data_sources.c.tenant == tenant,
            data_sources.c.knowledge_base == knowledge_base,
            data_sources.c.id == id,
        )
        .with_for_update(read=not alone)
    ).one_or_none()
    if row is None or row.status != "AVAILABLE" or row.base_status != "ACTIVE":
        raise NotFound(f"Data source {id} is being deleted.", param="dataSourceId")


def list_sources(
    connection: Connection, tenant: str, knowledge_base: str, limit: int, after: str
) -> list[DataSource]:
    base(connection, tenant, knowledge_base)
    rows = connection.execute(
        select(data_sources)
        .where(
            data_sources.c.tenant == tenant,
            data_sources.c.knowledge_base == knowledge_base,
            data_sources.c.id > after,
            data_sources.c.status != "DELETED",
        )
        .order_by(data_sources.c.id)
        .limit(limit)
    )
    return [_source(row) for row in rows]


def update_source(
    connection: Connection, tenant: str, knowledge_base: str, id: str, spec: DataSourceSpec
) -> DataSource:
    same_name = select(data_sources.c.id).where(
        data_sources.c.tenant == tenant,
        data_sources.c.knowledge_base == knowledge_base,
        data_sources.c.name == spec.name,
        data_sources.c.id != id,
    )
    _refuse(connection, same_name, spec.name)
    return _set_source(
        connection, tenant, knowledge_base, id, name=spec.name, spec=spec.model_dump()
    )


def set_source_status(
    connection: Connection, tenant: str, knowledge_base: str, id: str, status: str
) -> DataSource:
    return _set_source(connection, tenant, knowledge_base, id, status=status)


def check_active(found: Base) -> None:
    if found.shown.status != "ACTIVE":
        raise Conflict(f"Knowledge base {found.shown.id} is {found.shown.status}.")


def _set_source(
    connection: Connection, tenant: str, knowledge_base: str, id: str, **values: Any
) -> DataSource:
    connection.execute(
        update(data_sources)
        .where(
            data_sources.c.tenant == tenant,
            data_sources.c.knowledge_base == knowledge_base,
            data_sources.c.id == id,
        )
        .values(updated_at=clock(connection), **values)
    )
    return source(connection, tenant, knowledge_base, id)


def change_tags(
    connection: Connection,
    tenant: str,
    resource: str,
    put: Mapping[str, str],
    remove: Sequence[str],
) -> dict[str, str]:
    """The resource's tags after the change."""
    mine = (tags.c.tenant == tenant) & (tags.c.resource == resource)
    connection.execute(delete(tags).where(mine, tags.c.key.in_([*put, *remove])))
    if put:
        connection.execute(
            insert(tags),
            [
                {"tenant": tenant, "resource": resource, "key": k, "value": v}
                for k, v in put.items()
            ],
        )
    rows = connection.execute(select(tags.c.key, tags.c.value).where(mine).order_by(tags.c.key))
    after = {row.key: row.value for row in rows}
    if len(after) > _MOST_TAGS:
        raise InvalidRequest(f"A resource has at most {_MOST_TAGS} tags.", param="tags")
    return after


def _set_base(connection: Connection, tenant: str, id: str, **values: Any) -> None:
    connection.execute(
        update(knowledge_bases)
        .where(knowledge_bases.c.tenant == tenant, knowledge_bases.c.id == id)
        .values(updated_at=clock(connection), **values)
    )


def _by_token(
    connection: Connection, table: Table, tenant: str, token: str | None
) -> Row[Any] | None:
    if token is None:
        return None
    return connection.execute(
        select(table).where(table.c.tenant == tenant, table.c.client_token == token)
    ).one_or_none()


def _or_same_name(again: Row[Any] | None, name: str) -> Row[Any]:
    """An insert that met a row met that of the same token, or else that of the same name."""
    if again is None:
        raise _same_name(name)
    return again


def _refuse(connection: Connection, same_name: Select[tuple[str]], name: str) -> None:
    if connection.execute(same_name).first() is not None:
        raise _same_name(name)


def _same_name(name: str) -> Conflict:
    return Conflict(f"There is one named {name} already; choose another name.", param="name")


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


def _source(row: Row[Any]) -> DataSource:
    return DataSource(
        id=row.id,
        knowledge_base=row.knowledge_base,
        spec=DataSourceSpec.model_validate(row.spec),
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
