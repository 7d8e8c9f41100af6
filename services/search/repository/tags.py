"""Rows of tags: key and value on a resource's ARN."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from kit.errors import InvalidRequest
from services.search.repository.tables import tags

_MOST_TAGS = 50


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
