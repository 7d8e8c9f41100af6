"""Keys, usage and the audit chain on a real PostgreSQL, with several writers at once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import kit.auth.tables  # noqa: F401 - declares the tables that `create_tables` makes
from kit.auth.audit import AuditLog
from kit.auth.audit_chain import AuditEvent
from kit.auth.audit_heads import HeadsFile
from kit.auth.directory import KeyDirectory
from kit.auth.keyring import Keyring
from kit.auth.limits import Limits
from kit.auth.usage import UsageMeter
from kit.database import Database
from kit.errors import NotFound, Unauthenticated

pytestmark = pytest.mark.integration
KEYRING = Keyring(bytes(range(32)))


@pytest.fixture
def databases(empty_postgres_url: str) -> Iterator[list[Database]]:
    """Three connections pools, as three processes would have."""
    databases = [Database(empty_postgres_url, readers=2, writers=4) for _ in range(3)]
    databases[0].create_tables()
    yield databases
    for database in databases:
        database.close()


async def test_many_writers_make_one_chain_for_each_tenant(
    databases: list[Database], tmp_path: Path
) -> None:
    logs = [AuditLog(db, KEYRING.audit, HeadsFile(tmp_path / "heads", KEYRING.audit))
            for db in databases]  # fmt: skip
    for log in logs:
        log.start()
    await asyncio.gather(
        *(
            log.record(AuditEvent(f"t{n % 2}", "k", "s3:PutObject", "a\0é", "ok", f"r{n}"))
            for log in logs
            for n in range(60)
        )
    )
    for log in logs:
        await log.close()
    for tenant in ("t0", "t1"):
        assert await logs[0].verify(tenant) == []
    assert {head.seq for head in HeadsFile(tmp_path / "heads", KEYRING.audit).read().values()} == {
        90
    }


async def test_keys_and_limits_work_as_on_sqlite(databases: list[Database]) -> None:
    directory, elsewhere = (KeyDirectory(db, KEYRING) for db in databases[:2])
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant, lifetime=600)
    await elsewhere.set_limits(tenant.id, Limits(5, 100))
    assert (await directory.by_bearer(keys.bearer)).tenant == tenant.id
    found = await elsewhere.secret_of(keys.access_key_id)
    assert found is not None
    assert found[0] == keys.secret_access_key
    assert elsewhere.limits_of(tenant.id) == Limits(5, 100)
    with pytest.raises(NotFound):
        await directory.revoke(tenant.id, "a\0b")
    await directory.revoke(tenant.id, keys.bearer_id)
    with pytest.raises(Unauthenticated):
        await directory.by_bearer(keys.bearer)
    await elsewhere.close()
    assert (await directory.list(tenant.id))[1].last_used is not None


async def test_two_processes_make_the_same_tenant_once(databases: list[Database]) -> None:
    directories = [KeyDirectory(db, KEYRING) for db in databases]
    made = await asyncio.gather(*(d.create_tenant("acme") for d in directories for _ in range(5)))
    assert len(set(made)) == 1


async def test_usage_of_several_processes_adds_up(databases: list[Database]) -> None:
    meters = [UsageMeter(db) for db in databases]
    for _ in range(10):
        for meter in meters:
            meter.add("t1", "op", "b", tokens_in=1)
            meter.add("t1", "op", "a\0", tokens_in=1)
        await asyncio.gather(*(meter.flush() for meter in meters))
    today = datetime.now(UTC).date()
    assert [row.requests for row in await meters[0].totals("t1", today, today)] == [30, 30]
