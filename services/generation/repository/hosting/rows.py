"""Rows of hosting, as transactions; every one is within a tenant but what the reconciler reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from kit.auth.principal import Principal
from kit.database import clock, insert_or_ignore
from kit.errors import InvalidRequest, NotFound
from kit.identifiers import row_id
from services.generation.repository.hosting.tables import resources

Json: TypeAlias = dict[str, Any]
RowKind: TypeAlias = Literal[
    "model", "endpoint-config", "endpoint", "inference-component", "variant"
]
_CALLED = {
    "model": "model",
    "endpoint-config": "endpoint configuration",
    "endpoint": "endpoint",
    "inference-component": "inference component",
    "variant": "variant",
}
DEPLOYMENTS: tuple[RowKind, ...] = ("variant", "inference-component")
"""The kinds of which something runs."""
ON_ITS_WAY = ("Creating", "Updating", "Deleting")


@dataclass(frozen=True, slots=True)
class Record:
    """One row; times in UNIX seconds."""

    tenant: str
    kind: RowKind
    name: str
    endpoint: str
    variant: str
    spec: Json
    tags: dict[str, str]
    status: str
    reason: str
    state: Json
    account: str
    key: str
    created_at: float
    updated_at: float
    revision: str

    @property
    def owner(self) -> Principal:
        return Principal(self.tenant, self.account, self.key)


@dataclass(frozen=True, slots=True)
class NewRecord:
    kind: RowKind
    name: str
    spec: Json
    status: str = "InService"
    endpoint: str = ""
    variant: str = ""
    tags: dict[str, str] | None = None


def put_record(connection: Connection, who: Principal, new: NewRecord) -> Record:
    """Raises InvalidRequest where the name is taken."""
    now = clock(connection)
    made = connection.execute(
        insert_or_ignore(connection, resources).values(
            tenant=who.tenant,
            kind=new.kind,
            name=new.name,
            endpoint=new.endpoint,
            variant=new.variant,
            spec=new.spec,
            tags=new.tags or {},
            status=new.status,
            reason="",
            state={},
            account=who.account,
            key=who.key,
            created_at=now,
            updated_at=now,
            revision=row_id(),
        )
    )
    if made.rowcount == 0:
        raise InvalidRequest(
            f'Cannot create already existing {_CALLED[new.kind]} "{arn(who, new.kind, new.name)}".'
        )
    return record(connection, who, new.kind, new.name)


def record(
    connection: Connection, who: Principal, kind: RowKind, name: str, *, lock: bool = False
) -> Record:
    """Raises NotFound for an absent one and for another tenant's alike.

    `lock` keeps the row as it is until the transaction ends: it is to be changed by what it says.
    """
    one = found(connection, who.tenant, kind, name, lock=lock)
    if one is None:
        raise NotFound(f'Could not find {_CALLED[kind]} "{arn(who, kind, name)}".')
    return one


def found(
    connection: Connection, tenant: str, kind: RowKind, name: str, *, lock: bool = False
) -> Record | None:
    query = select(resources).where(_is(tenant, kind, name))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Record(*row)


def within(
    connection: Connection, tenant: str, endpoint: str, *, lock: bool = False
) -> list[Record]:
    """Everything that runs for an endpoint, in order of name."""
    where = (
        resources.c.tenant == tenant,
        resources.c.endpoint == endpoint,
        resources.c.kind.in_(DEPLOYMENTS),
    )
    return _select(connection, *where, lock=lock)


def unsettled(connection: Connection) -> list[Record]:
    """Of all tenants: what is on its way somewhere."""
    return _select(connection, resources.c.status.in_(ON_ITS_WAY))


def serving(connection: Connection) -> list[Record]:
    """Of all tenants: what runs, or should, or did."""
    kinds = resources.c.kind.in_(DEPLOYMENTS)
    return _select(connection, kinds, resources.c.status.in_(("InService", "Failed")))


def set_record(
    connection: Connection, tenant: str, kind: RowKind, name: str, **values: Any
) -> None:
    """A change of what is wanted; notes its time, and makes older work on the row void."""
    connection.execute(
        update(resources)
        .where(_is(tenant, kind, name))
        .values(updated_at=clock(connection), revision=row_id(), **values)
    )


def set_tags(connection: Connection, one: Record, tags: dict[str, str]) -> None:
    """Of a row that is locked; nothing that runs depends on them, so no work becomes void."""
    connection.execute(update(resources).where(_this(one)).values(tags=tags))


def note(connection: Connection, one: Record, /, **values: Any) -> bool:
    """What deploying has done of the row as it was; False where it has changed meanwhile.

    A new status ends the work that led to it, so whoever else did the same work notes nothing.
    """
    if "status" in values:
        values["revision"] = row_id()
    return connection.execute(update(resources).where(_this(one)).values(**values)).rowcount == 1


def remove(connection: Connection, one: Record) -> bool:
    """False where it has changed meanwhile: another of its name may be there."""
    return connection.execute(delete(resources).where(_this(one))).rowcount == 1


def arn(who: Principal, kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{who.account}:{kind}/{name}"


def _is(tenant: str, kind: RowKind, name: str) -> ColumnElement[bool]:
    return and_(resources.c.tenant == tenant, resources.c.kind == kind, resources.c.name == name)


def _this(one: Record) -> ColumnElement[bool]:
    return and_(_is(one.tenant, one.kind, one.name), resources.c.revision == one.revision)


def _select(
    connection: Connection, *where: ColumnElement[bool], lock: bool = False
) -> list[Record]:
    query = select(resources).where(*where).order_by(resources.c.tenant, resources.c.name)
    rows: Sequence[Row[*tuple[Any, ...]]] = connection.execute(
        query.with_for_update() if lock else query
    ).all()
    return [Record(*row) for row in rows]
