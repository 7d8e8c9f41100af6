"""Rows of a bucket in the order of their keys, from any position on.

A listing may seek hundreds of times, so each statement is built once and its values are bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    null,
    or_,
    select,
)

Conditions: TypeAlias = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class Position:
    """At `key` (`inclusive`), or past it, or past `within` among the rows of that key."""

    key: str | bytes
    inclusive: bool = False
    within: Any = None


class Rows:
    """The rows of `table` in a region, by key and then by the column `within`."""

    def __init__(
        self,
        table: Table,
        region: Conditions,
        within: ColumnElement[Any] | None = None,
        *,
        newest_first: bool = False,
    ) -> None:
        self._table, self._region, self._within = table, region, within
        self._newest_first = newest_first
        self._statements: dict[str, Select[Any]] = {}

    def after(self, connection: Connection, position: Position, limit: int) -> Sequence[Row[Any]]:
        """`id`, `key` and `within` of at most `limit` rows."""
        values = {"at": position.key, "within": position.within, "limit": limit}
        return connection.execute(self._statement(position), values).all()

    def whole(self, connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
        """All columns of some rows, by id."""
        query = select(self._table).where(*self._region[:2], self._table.c.id.in_(ids))
        return {row.id: row for row in connection.execute(query)} if ids else {}

    def _statement(self, position: Position) -> Select[Any]:
        kind = "at" if position.inclusive else "within" if position.within is not None else "past"
        if kind not in self._statements:
            table, within = self._table, self._within
            columns = (
                table.c.id,
                table.c.key,
                (null() if within is None else within).label("within"),
            )
            order = () if within is None else (within.desc() if self._newest_first else within,)
            self._statements[kind] = (
                select(*columns)
                .where(*self._region, self._past(kind))
                .order_by(table.c.key, *order)
                .limit(bindparam("limit"))
            )
        return self._statements[kind]

    def _past(self, kind: str) -> ColumnElement[bool]:
        key, at = self._table.c.key, bindparam("at", type_=self._table.c.key.type)
        if kind == "at":
            return key >= at
        if kind == "past" or self._within is None:
            return key > at
        seen = bindparam("within", type_=self._within.type)
        further = self._within < seen if self._newest_first else self._within > seen
        return and_(key >= at, or_(key > at, further))
