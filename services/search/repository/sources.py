"""Rows of data sources, as transactions."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from contracts.search.knowledge_bases import DataSource, DataSourceSpec
from kit.database import clock, insert_or_ignore
from kit.errors import NotFound
from kit.identifiers import resource_id
from services.search.repository.bases import base, check_active
from services.search.repository.naming import by_token, or_same_name, refuse_same_name
from services.search.repository.tables import data_sources, knowledge_bases


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
        again = by_token(connection, data_sources, tenant, client_token)
        return _source(or_same_name(again, spec.name))
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
    refuse_same_name(connection, same_name, spec.name)
    return _set_source(
        connection, tenant, knowledge_base, id, name=spec.name, spec=spec.model_dump()
    )


def set_source_status(
    connection: Connection, tenant: str, knowledge_base: str, id: str, status: str
) -> DataSource:
    return _set_source(connection, tenant, knowledge_base, id, status=status)


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


def _source(row: Row[Any]) -> DataSource:
    return DataSource(
        id=row.id,
        knowledge_base=row.knowledge_base,
        spec=DataSourceSpec.model_validate(row.spec),
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
