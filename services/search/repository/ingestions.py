"""Rows of ingestions: what a sync counted, and how it stands."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from contracts.search.ingestion import Ingestion, IngestionStatus, ListIngestions, Statistics
from kit.database import clock
from kit.errors import Conflict, NotFound
from services.search.repository.tables import ingestions

ACTIVE: tuple[IngestionStatus, ...] = ("STARTING", "IN_PROGRESS", "STOPPING")
_MOST_REASONS = 100


def start(
    connection: Connection,
    tenant: str,
    knowledge_base: str,
    data_source: str,
    *,
    id: str,
    description: str | None,
    job: str,
    client_token: str | None,
) -> Ingestion:
    """Raises Conflict while another one of this data source runs: two would undo each other."""
    mine = (ingestions.c.tenant == tenant) & (ingestions.c.data_source == data_source)
    active = connection.execute(
        select(ingestions.c.id).where(mine, ingestions.c.status.in_(ACTIVE))
    ).first()
    if active is not None:
        raise Conflict(
            f"Ingestion job {active.id} of data source {data_source} is still running; "
            "wait for it or stop it, then start another."
        )
    now = clock(connection)
    connection.execute(
        insert(ingestions).values(
            id=id,
            tenant=tenant,
            knowledge_base=knowledge_base,
            data_source=data_source,
            description=description,
            job=job,
            status="STARTING",
            statistics=Statistics().model_dump(),
            failure_reasons=[],
            client_token=client_token,
            started_at=now,
            updated_at=now,
        )
    )
    return get(connection, tenant, knowledge_base, data_source, id)


def by_token(
    connection: Connection, tenant: str, data_source: str, client_token: str
) -> Ingestion | None:
    row = connection.execute(
        select(ingestions).where(
            ingestions.c.tenant == tenant,
            ingestions.c.data_source == data_source,
            ingestions.c.client_token == client_token,
        )
    ).one_or_none()
    return _ingestion(row) if row is not None else None


def get(
    connection: Connection, tenant: str, knowledge_base: str, data_source: str, id: str
) -> Ingestion:
    row = connection.execute(
        select(ingestions).where(
            ingestions.c.tenant == tenant,
            ingestions.c.knowledge_base == knowledge_base,
            ingestions.c.data_source == data_source,
            ingestions.c.id == id,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"Ingestion job {id} does not exist.", param="ingestionJobId")
    return _ingestion(row)


def page(connection: Connection, tenant: str, ask: ListIngestions, skip: int) -> list[Ingestion]:
    column = ingestions.c.status if ask.sort_by == "STATUS" else ingestions.c.started_at
    query = select(ingestions).where(
        ingestions.c.tenant == tenant,
        ingestions.c.knowledge_base == ask.knowledge_base,
        ingestions.c.data_source == ask.data_source,
    )
    if ask.statuses:
        query = query.where(ingestions.c.status.in_(ask.statuses))
    query = query.order_by(column.desc() if ask.descending else column.asc(), ingestions.c.id)
    return [_ingestion(row) for row in connection.execute(query.limit(ask.limit).offset(skip))]


def active(connection: Connection, tenant: str, knowledge_base: str) -> list[Ingestion]:
    """Those of a knowledge base that still run."""
    rows = connection.execute(
        select(ingestions).where(
            ingestions.c.tenant == tenant,
            ingestions.c.knowledge_base == knowledge_base,
            ingestions.c.status.in_(ACTIVE),
        )
    )
    return [_ingestion(row) for row in rows]


def set_status(connection: Connection, tenant: str, id: str, status: IngestionStatus) -> None:
    _set(connection, tenant, id, status=status)


def count(
    connection: Connection, tenant: str, id: str, *, reason: str | None = None, **more: int
) -> None:
    """Adds to the statistics with the effect that is counted; Conflict once it has ended."""
    row = connection.execute(
        select(ingestions.c.status, ingestions.c.statistics, ingestions.c.failure_reasons)
        .where(ingestions.c.tenant == tenant, ingestions.c.id == id)
        .with_for_update()
    ).one_or_none()
    if row is None or row.status not in ACTIVE:
        raise Conflict(f"Ingestion job {id} has ended.")
    statistics = {**row.statistics}
    for name, number in more.items():
        statistics[name] += number
    reasons: Sequence[str] = row.failure_reasons
    if reason is not None and len(reasons) < _MOST_REASONS:
        reasons = [*reasons, reason[:2048]]
    _set(connection, tenant, id, statistics=statistics, failure_reasons=reasons)


def scanned(connection: Connection, tenant: str, id: str, *, documents: int, sidecars: int) -> None:
    """Sets what the plan saw; set, not added, because a resumed ingestion plans again."""
    row = connection.execute(
        select(ingestions.c.statistics, ingestions.c.status)
        .where(ingestions.c.tenant == tenant, ingestions.c.id == id)
        .with_for_update()
    ).one()
    seen = {**row.statistics, "scanned": documents, "metadata_scanned": sidecars}
    status = "IN_PROGRESS" if row.status == "STARTING" else row.status  # it may be STOPPING
    _set(connection, tenant, id, statistics=seen, status=status)


def end(
    connection: Connection,
    tenant: str,
    id: str,
    status: IngestionStatus,
    *,
    reason: str | None = None,
) -> None:
    """Does nothing to one that has ended already: its first end stands."""
    row = connection.execute(
        select(ingestions.c.status)
        .where(ingestions.c.tenant == tenant, ingestions.c.id == id)
        .with_for_update()
    ).one_or_none()
    if row is not None and row.status in ACTIVE:
        count(connection, tenant, id, reason=reason)
        set_status(connection, tenant, id, status)


def is_active(connection: Connection, tenant: str, id: str) -> bool:
    return (
        connection.execute(
            select(ingestions.c.id).where(
                ingestions.c.tenant == tenant,
                ingestions.c.id == id,
                ingestions.c.status.in_(ACTIVE),
            )
        ).first()
        is not None
    )


def _set(connection: Connection, tenant: str, id: str, **values: Any) -> None:
    connection.execute(
        update(ingestions)
        .where(ingestions.c.tenant == tenant, ingestions.c.id == id)
        .values(updated_at=clock(connection), **values)
    )


def _ingestion(row: Row[Any]) -> Ingestion:
    return Ingestion(
        id=row.id,
        knowledge_base=row.knowledge_base,
        data_source=row.data_source,
        description=row.description,
        status=row.status,
        statistics=Statistics.model_validate(row.statistics),
        failure_reasons=row.failure_reasons,
        started_at=row.started_at,
        updated_at=row.updated_at,
        job=row.job,
    )
