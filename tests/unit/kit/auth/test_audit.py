"""Nothing is lost on the way into the audit log, and no tampering with it goes unseen."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, select, text, update

from kit.auth.audit import AuditLog, verify_tenant
from kit.auth.audit_chain import AuditEvent, append, read_heads
from kit.auth.audit_heads import HeadsFile
from kit.auth.keyring import Keyring
from kit.auth.tables import AUDIT, AUDIT_HEADS
from kit.database import Database
from kit.errors import Internal, Unavailable

COLUMNS = ("time", "key", "operation", "resource", "outcome", "request_id", "details", "hash")
LENGTH = 12


def an_event(number: int = 0, tenant: str = "t1", resource: str = "kb") -> AuditEvent:
    return AuditEvent(tenant, "k1", "s3:PutObject", resource, "ok", f"r{number}", {"n": number})


@pytest.fixture
def heads(tmp_path: Path, keyring: Keyring) -> HeadsFile:
    return HeadsFile(tmp_path / "outside" / "heads", keyring.audit)


@pytest.fixture
async def audit(database: Database, keyring: Keyring, heads: HeadsFile) -> AsyncIterator[AuditLog]:
    log = AuditLog(database, keyring.audit, heads, most_waiting=50)
    log.start()
    yield log
    await log.close()


async def count(database: Database, tenant: str) -> int:
    query = select(func.count()).select_from(AUDIT).where(AUDIT.c.tenant == tenant)
    return await database.read(lambda connection: connection.execute(query).scalar_one())


async def test_a_recorded_event_is_durable_on_return(audit: AuditLog, database: Database) -> None:
    await audit.record(an_event())
    assert await count(database, "t1") == 1


async def test_a_full_queue_waits_and_drops_nothing(audit: AuditLog, database: Database) -> None:
    await asyncio.gather(*(audit.note(an_event(n, f"t{n % 3}")) for n in range(500)))
    await audit.record(an_event())
    assert sum([await count(database, f"t{n}") for n in range(3)]) == 501
    assert [await audit.verify(f"t{n}") for n in range(4)] == [[], [], [], []]


async def test_notes_are_stored_on_close(
    database: Database, keyring: Keyring, heads: HeadsFile
) -> None:
    log = AuditLog(database, keyring.audit, heads)
    log.start()
    await log.note(an_event())
    await log.close()
    assert await count(database, "t1") == 1
    assert heads.read()["t1"].seq == 1
    with pytest.raises(Unavailable):
        await log.note(an_event())


async def test_any_resource_name_can_be_stored(audit: AuditLog) -> None:
    for name in ("a\0b", "\ud800", "💥", "../../etc/passwd", "x" * 5000):
        await audit.record(an_event(resource=name))
    assert await audit.verify("t1") == []


async def test_events_that_could_not_be_stored_are_kept(
    audit: AuditLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = database.write

    async def fail(*_: object) -> None:
        raise Unavailable("The database does not answer now.")

    monkeypatch.setattr("kit.auth.audit._RETRY", 0.05)
    monkeypatch.setattr(database, "write", fail)
    with pytest.raises(Unavailable):
        await audit.record(an_event(1))
    monkeypatch.setattr(database, "write", write)
    await audit.record(an_event(2))
    assert await count(database, "t1") == 2


def fresh_chain(database: Database, key: bytes, heads: HeadsFile) -> None:
    """`LENGTH` entries for each of two tenants, published."""

    def write(connection: Connection) -> None:
        connection.execute(delete(AUDIT))
        connection.execute(delete(AUDIT_HEADS))
        for tenant in ("t1", "t2"):
            append(connection, key, [an_event(n, tenant).entry() for n in range(LENGTH)])

    heads._path.unlink(missing_ok=True)
    database.write_now(write)
    assert database.read_now(heads.publish) == []


def problems(database: Database, keyring: Keyring, heads: HeadsFile, tenant: str) -> list[int]:
    found = database.read_now(verify_tenant, keyring.audit, heads, tenant)
    return [problem.seq for problem in found]


again = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.integers(1, LENGTH)


@again
@given(seq=places, column=st.sampled_from(COLUMNS))
def test_an_edited_entry_is_found(
    database: Database, keyring: Keyring, heads: HeadsFile, seq: int, column: str
) -> None:
    fresh_chain(database, keyring.audit, heads)
    value: object = {"time": 1.5, "hash": b"x" * 32}.get(column, "forged")
    entry = (AUDIT.c.tenant == "t1") & (AUDIT.c.seq == seq)
    database.write_now(lambda c: c.execute(update(AUDIT).where(entry).values({column: value})))
    assert seq in problems(database, keyring, heads, "t1")
    assert problems(database, keyring, heads, "t2") == []


@again
@given(first=places, length=st.integers(1, LENGTH))
def test_dropped_entries_are_found_at_the_tail_too(
    database: Database, keyring: Keyring, heads: HeadsFile, first: int, length: int
) -> None:
    fresh_chain(database, keyring.audit, heads)
    gone = (AUDIT.c.tenant == "t1") & AUDIT.c.seq.between(first, first + length - 1)
    database.write_now(lambda c: c.execute(delete(AUDIT).where(gone)))
    assert problems(database, keyring, heads, "t1") != []


@again
@given(one=places, other=places)
def test_swapped_entries_are_found(
    database: Database, keyring: Keyring, heads: HeadsFile, one: int, other: int
) -> None:
    fresh_chain(database, keyring.audit, heads)
    if one == other:
        return
    renumber = text("UPDATE audit SET seq = :new WHERE tenant = 't1' AND seq = :old")
    moves = [{"old": one, "new": 99}, {"old": other, "new": one}, {"old": 99, "new": other}]
    database.write_now(lambda c: [c.execute(renumber, move) for move in moves])
    assert {one, other} <= set(problems(database, keyring, heads, "t1"))


def cut_tail(connection: Connection) -> None:
    """An attacker without the key cuts the last entries and winds the stored head back."""
    connection.execute(delete(AUDIT).where(AUDIT.c.tenant == "t1", AUDIT.c.seq > LENGTH - 3))
    last = select(AUDIT.c.hash).where(AUDIT.c.tenant == "t1", AUDIT.c.seq == LENGTH - 3)
    link = connection.execute(last).scalar_one()
    head = update(AUDIT_HEADS).where(AUDIT_HEADS.c.tenant == "t1")
    connection.execute(head.values(seq=LENGTH - 3, hash=link))


def test_a_cut_tail_is_found_even_after_the_chain_has_grown_again(
    database: Database, keyring: Keyring, heads: HeadsFile
) -> None:
    fresh_chain(database, keyring.audit, heads)
    database.write_now(cut_tail)
    assert problems(database, keyring, heads, "t1") == [LENGTH]
    assert database.read_now(heads.publish) == ["t1"]  # the evidence stays
    regrown = [an_event(n).entry() for n in range(10)]
    database.write_now(append, keyring.audit, regrown)
    assert database.read_now(heads.publish) == ["t1"]
    assert problems(database, keyring, heads, "t1") == [LENGTH]
    assert problems(database, keyring, heads, "t2") == []


def test_altered_heads_are_refused(database: Database, keyring: Keyring, heads: HeadsFile) -> None:
    fresh_chain(database, keyring.audit, heads)
    line = heads._path.read_text()
    heads._path.write_text(line.replace(f'"t1",{LENGTH}', f'"t1",{LENGTH - 1}'))
    with pytest.raises(Internal):
        heads.read()


def test_a_chain_made_with_another_key_does_not_verify(
    database: Database, keyring: Keyring, heads: HeadsFile
) -> None:
    fresh_chain(database, b"another key" * 3, heads)
    heads._path.unlink()
    assert problems(database, keyring, heads, "t1")[0] == 1


def test_heads_of_two_tenants_are_apart(
    database: Database, keyring: Keyring, heads: HeadsFile
) -> None:
    fresh_chain(database, keyring.audit, heads)
    found = database.read_now(read_heads)
    assert found["t1"].hash != found["t2"].hash
