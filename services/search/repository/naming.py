"""Names and client tokens, of which each may be there once."""

from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from kit.errors import Conflict


def by_token(
    connection: Connection, table: Table, tenant: str, token: str | None
) -> Row[Any] | None:
    if token is None:
        return None
    return connection.execute(
        select(table).where(table.c.tenant == tenant, table.c.client_token == token)
    ).one_or_none()


def or_same_name(again: Row[Any] | None, name: str) -> Row[Any]:
    """An insert that met a row met that of the same token, or else that of the same name."""
    if again is None:
        raise taken(name)
    return again


def refuse_same_name(connection: Connection, same_name: Select[tuple[str]], name: str) -> None:
    if connection.execute(same_name).first() is not None:
        raise taken(name)


def taken(name: str) -> Conflict:
    return Conflict(f"There is one named {name} already; choose another name.", param="name")
