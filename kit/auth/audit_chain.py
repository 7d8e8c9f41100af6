"""The audit trail's chain: entries that cannot be changed, dropped or swapped unseen."""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection, select, tuple_, update

from kit.auth.tables import AUDIT, AUDIT_HEADS
from kit.auth.text import storable
from kit.database import clock, insert_or_ignore

_PAGE = 10_000
_ENTRY = (
    AUDIT.c.tenant, AUDIT.c.seq, AUDIT.c.time, AUDIT.c.key, AUDIT.c.operation,
    AUDIT.c.resource, AUDIT.c.outcome, AUDIT.c.request_id, AUDIT.c.details,
)  # fmt: skip
_NAMES = tuple(column.name for column in (*_ENTRY, AUDIT.c.hash))

Entry: TypeAlias = tuple[str, ...]
"""(tenant, key, operation, resource, outcome, request id, details as canonical JSON)"""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What was done, by whom, to what. Holds ids, URIs and hashes only, never a document's text:
    an entry cannot be erased, so nothing that may have to be erased goes into it.

    `outcome` is `ok` or an error's code; `details` is JSON with string keys.
    """

    tenant: str
    key: str
    operation: str
    resource: str
    outcome: str
    request_id: str
    details: dict[str, Any] = field(default_factory=dict)

    def entry(self) -> Entry:
        """The columns between `time` and `hash`; raises TypeError when details are not JSON."""
        details = orjson.dumps(self.details, option=orjson.OPT_SORT_KEYS).decode()
        names = (self.key, self.operation, self.resource, self.outcome, self.request_id)
        return self.tenant, *map(storable, names), details


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a tenant's chain: how many entries there are, and the last one's hash."""

    tenant: str
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the entry `seq` of a chain, as a sentence."""

    seq: int
    what: str


def append(connection: Connection, key: bytes, entries: Iterable[Entry]) -> None:
    """Adds the entries to their tenants' chains, in order, in this transaction."""
    by_tenant: dict[str, list[Entry]] = {}
    for entry in entries:
        by_tenant.setdefault(entry[0], []).append(entry)
    now = clock(connection)
    rows: list[dict[str, Any]] = []
    for tenant in sorted(by_tenant):  # one order of locks in every process
        head = _locked_head(connection, key, tenant)
        seq, link = head.seq, head.hash
        for entry in by_tenant[tenant]:
            seq += 1
            numbered = (tenant, seq, now, *entry[1:])
            link = _link(key, link, numbered)
            rows.append(dict(zip(_NAMES, (*numbered, link), strict=True)))
        mine = AUDIT_HEADS.c.tenant == tenant
        connection.execute(update(AUDIT_HEADS).where(mine).values(seq=seq, hash=link))
    connection.execute(AUDIT.insert(), rows)


def verify(
    connection: Connection, key: bytes, tenant: str, published: Head | None = None
) -> list[Problem]:
    """Walks the whole chain; `published` is a head kept outside, which a cut tail cannot reach."""
    problems: list[Problem] = []
    last, previous = 0, _start(key, tenant)
    for entry, link in _entries(connection, tenant):
        seq = entry[1]
        if seq != last + 1:
            problems.append(Problem(seq, f"Entries {last + 1} to {seq - 1} are missing."))
        elif not hmac.compare_digest(_link(key, previous, entry), link):
            problems.append(Problem(seq, "The entry does not follow from the one before it."))
        if published is not None and published.seq == seq and published.hash != link:
            problems.append(Problem(seq, "The entry is not the one that was published."))
        last, previous = seq, link
    if published is not None and published.seq > last:
        gone = f"Entries {last + 1} to {published.seq}, once published, are gone."
        problems.append(Problem(published.seq, gone))
    end = Head(tenant, last, previous)
    stored = read_heads(connection, tenant).get(tenant, Head(tenant, 0, _start(key, tenant)))
    if stored != end:
        what = f"The chain ends at {last}, its stored head is at {stored.seq}."
        problems.append(Problem(stored.seq, what))
    return problems


def read_heads(connection: Connection, tenant: str | None = None) -> dict[str, Head]:
    """Heads by tenant; of all tenants where none is named."""
    query = select(AUDIT_HEADS)
    if tenant is not None:
        query = query.where(AUDIT_HEADS.c.tenant == tenant)
    return {row.tenant: Head(row.tenant, row.seq, row.hash) for row in connection.execute(query)}


def still_there(connection: Connection, heads: Sequence[Head]) -> set[str]:
    """The tenants whose chain still holds, at its place, the entry that the head names."""
    places = tuple_(AUDIT.c.tenant, AUDIT.c.seq).in_([(head.tenant, head.seq) for head in heads])
    rows = connection.execute(select(AUDIT.c.tenant, AUDIT.c.hash).where(places))
    found = {row.tenant: row.hash for row in rows}
    return {head.tenant for head in heads if found.get(head.tenant) == head.hash}


def _entries(connection: Connection, tenant: str) -> Iterator[tuple[Sequence[Any], bytes]]:
    after = -(2**62)
    while True:
        query = select(*_ENTRY, AUDIT.c.hash).where(AUDIT.c.tenant == tenant, AUDIT.c.seq > after)
        rows = connection.execute(query.order_by(AUDIT.c.seq).limit(_PAGE)).all()
        for row in rows:
            yield row[:-1], row[-1]
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def _locked_head(connection: Connection, key: bytes, tenant: str) -> Head:
    """The row lock makes the tenant's sequence one, whatever the number of processes."""
    first = {"tenant": tenant, "seq": 0, "hash": _start(key, tenant)}
    connection.execute(insert_or_ignore(connection, AUDIT_HEADS).values(first))
    query = select(AUDIT_HEADS).where(AUDIT_HEADS.c.tenant == tenant).with_for_update()
    row = connection.execute(query).one()
    return Head(tenant, row.seq, row.hash)


def _start(key: bytes, tenant: str) -> bytes:
    return hmac.digest(key, b"undercroft/audit/" + tenant.encode(), "sha256")


def _link(key: bytes, previous: bytes, entry: Sequence[Any]) -> bytes:
    """HMAC(key, previous || canonical JSON of the entry)."""
    return hmac.digest(key, previous + orjson.dumps(tuple(entry)), "sha256")
