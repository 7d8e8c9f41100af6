"""Pages of hosting's rows: sorted, filtered, and stable while rows come and go."""

import base64
import json
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from contracts.generation.hosting import Query
from kit.errors import InvalidRequest
from services.generation.repository.hosting.rows import Record, RowKind
from services.generation.repository.hosting.tables import resources

_SORTS = {
    "Name": resources.c.name,
    "CreationTime": resources.c.created_at,
    "Status": resources.c.status,
}


def page(
    connection: Connection, tenant: str, kind: RowKind, ask: Query
) -> tuple[list[Record], str | None]:
    """The rows, and what to ask with for those after them. Raises InvalidRequest."""
    order, name = _SORTS[ask.sort_by], resources.c.name
    query = select(resources).where(
        resources.c.tenant == tenant, resources.c.kind == kind, *_filters(ask)
    )
    if ask.token is not None:
        query = query.where(_after(ask))
    directions = (order.desc(), name.desc()) if ask.descending else (order.asc(), name.asc())
    rows = connection.execute(query.order_by(*directions).limit(ask.limit + 1)).all()
    items = [Record(*row) for row in rows[: ask.limit]]
    return items, _token(ask, items[-1]) if len(rows) > ask.limit else None


def _filters(ask: Query) -> list[ColumnElement[bool]]:
    c = resources.c
    conditions: list[tuple[object, Callable[[], ColumnElement[bool]]]] = [
        (ask.created_after, lambda: c.created_at > ask.created_after),
        (ask.created_before, lambda: c.created_at < ask.created_before),
        (ask.modified_after, lambda: c.updated_at > ask.modified_after),
        (ask.modified_before, lambda: c.updated_at < ask.modified_before),
        (ask.status, lambda: c.status == ask.status),
        (ask.endpoint, lambda: c.endpoint == ask.endpoint),
        (ask.variant, lambda: c.variant == ask.variant),
        (ask.contains or None, lambda: _has(c.name, ask.contains)),
    ]
    return [condition() for value, condition in conditions if value is not None]


def _has(name: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Case counts, as it does in names; SQLite's LIKE does not mind it, PostgreSQL's does."""
    return func.replace(name, part, "") != name


def _token(ask: Query, last: Record) -> str:
    value = {"Name": last.name, "CreationTime": last.created_at, "Status": last.status}
    place = json.dumps([ask.sort_by, value[ask.sort_by], last.name])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _after(ask: Query) -> ColumnElement[bool]:
    order, name = _SORTS[ask.sort_by], resources.c.name
    value, last = _place(ask)
    if ask.descending:
        return or_(order < value, and_(order == value, name < last))
    return or_(order > value, and_(order == value, name > last))


def _place(ask: Query) -> tuple[str | float, str]:
    wanted = float if ask.sort_by == "CreationTime" else str
    try:
        sort_by, value, last = json.loads(base64.urlsafe_b64decode((ask.token or "").encode()))
    except (ValueError, TypeError) as error:
        raise _wrong_token() from error
    if sort_by != ask.sort_by or not isinstance(value, wanted) or not isinstance(last, str):
        raise _wrong_token()
    return value, last


def _wrong_token() -> InvalidRequest:
    return InvalidRequest("Give the NextToken of a listing that was sorted alike.")
