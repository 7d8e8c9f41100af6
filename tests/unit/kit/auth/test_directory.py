"""Who a credential belongs to, from memory; and how soon a revocation is seen."""

import pytest
from sqlalchemy import select

from kit.auth import directory as directory_module
from kit.auth import repository
from kit.auth.directory import KeyDirectory
from kit.auth.keyring import Keyring
from kit.auth.keys import make_bearer
from kit.auth.limits import Limits
from kit.auth.scopes import FULL_ACCESS, Scope
from kit.auth.tables import KEYS
from kit.database import Database
from kit.errors import NotFound, Unauthenticated
from tests.support.queries import Queries


class Clock:
    """A monotonic clock that a test can move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(directory_module, "monotonic", lambda: self.now)


@pytest.fixture
def directory(database: Database, keyring: Keyring) -> KeyDirectory:
    return KeyDirectory(database, keyring)


async def test_both_keys_lead_to_their_tenant(directory: KeyDirectory) -> None:
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant, [Scope("s3:*", "arn:aws:s3:::docs/*")])
    by_bearer = await directory.by_bearer(keys.bearer)
    found = await directory.secret_of(keys.access_key_id)
    assert found is not None
    secret, by_pair = found
    assert secret == keys.secret_access_key
    assert by_bearer.tenant == by_pair.tenant == tenant.id
    assert by_bearer.account == tenant.account
    assert by_bearer.scopes == (Scope("s3:*", "arn:aws:s3:::docs/*"),)
    assert (by_bearer.key, by_pair.key) == (keys.bearer_id, keys.aws_id)


async def test_full_access_comes_back_as_the_very_object(directory: KeyDirectory) -> None:
    keys = await directory.create_keys(await directory.create_tenant("acme"))
    principal = await directory.by_bearer(keys.bearer)
    assert principal.scopes[0] is FULL_ACCESS


async def test_a_known_key_costs_no_query(directory: KeyDirectory, database: Database) -> None:
    keys = await directory.create_keys(await directory.create_tenant("acme"))
    await directory.by_bearer(keys.bearer)
    await directory.secret_of(keys.access_key_id)
    queries = Queries(database)
    for _ in range(50):
        await directory.by_bearer(keys.bearer)
        await directory.secret_of(keys.access_key_id)
    assert not queries.statements


async def test_an_unknown_key_is_looked_up_once(
    directory: KeyDirectory, database: Database
) -> None:
    assert await directory.secret_of("AKIAUNKNOWNUNKNOWN23") is None
    queries = Queries(database)
    assert await directory.secret_of("AKIAUNKNOWNUNKNOWN23") is None
    assert not queries.statements


async def test_a_malformed_key_id_costs_no_query(
    directory: KeyDirectory, database: Database
) -> None:
    queries = Queries(database)
    for name in ("", "AKIA", "AKIA\0AAAAAAAAAAAAAAA", "AKIA' OR 1=1 --AAAAA", "x" * 5000):
        assert await directory.secret_of(name) is None
    assert not queries.statements


async def test_a_mistyped_bearer_key_costs_no_query(
    directory: KeyDirectory, database: Database
) -> None:
    queries = Queries(database)
    for token in ("", "uc_live_x", make_bearer()[:-1] + "_", "ключ", "a' OR 1=1 --"):
        with pytest.raises(Unauthenticated):
            await directory.by_bearer(token)
    assert not queries.statements


async def test_a_name_of_one_kind_of_key_never_opens_the_other(
    directory: KeyDirectory, database: Database, keyring: Keyring
) -> None:
    keys = await directory.create_keys(await directory.create_tenant("acme"))
    await directory.by_bearer(keys.bearer)
    await directory.secret_of(keys.access_key_id)
    for name in (keys.bearer, keys.bearer[:16], keyring.bearer_hash(keys.bearer)):
        assert await directory.secret_of(name) is None
    for name in (keys.access_key_id, keys.secret_access_key):
        with pytest.raises(Unauthenticated):
            await directory.by_bearer(name)


async def test_a_well_formed_but_unknown_bearer_key_is_refused(directory: KeyDirectory) -> None:
    with pytest.raises(Unauthenticated):
        await directory.by_bearer(make_bearer())


async def test_a_revoked_key_stops_here_at_once(directory: KeyDirectory) -> None:
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant)
    await directory.by_bearer(keys.bearer)
    await directory.revoke(tenant.id, keys.bearer_id)
    await directory.revoke(tenant.id, keys.access_key_id)
    with pytest.raises(Unauthenticated):
        await directory.by_bearer(keys.bearer)
    assert await directory.secret_of(keys.access_key_id) is None


@pytest.mark.parametrize("name", ["bearer_id", "aws_id", "access_key_id"])
async def test_keys_that_were_made_together_are_revoked_together(
    directory: KeyDirectory, name: str
) -> None:
    tenant = await directory.create_tenant("acme")
    gone, kept = await directory.create_keys(tenant), await directory.create_keys(tenant)
    for keys in (gone, kept):
        await directory.by_bearer(keys.bearer)
        assert await directory.secret_of(keys.access_key_id)

    await directory.revoke(tenant.id, getattr(gone, name))

    with pytest.raises(Unauthenticated):
        await directory.by_bearer(gone.bearer)
    assert await directory.secret_of(gone.access_key_id) is None
    await directory.by_bearer(kept.bearer)
    assert await directory.secret_of(kept.access_key_id)
    shown = await directory.list(tenant.id)
    revoked = {key.issue for key in shown if key.revoked}
    assert len({key.issue for key in shown}) == 2
    assert {key.id for key in shown if key.issue in revoked} == {gone.bearer_id, gone.aws_id}


async def test_another_process_sees_a_revocation_within_five_seconds(
    directory: KeyDirectory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant)
    await directory.by_bearer(keys.bearer)
    database.write_now(repository.revoke_key, tenant.id, keys.bearer_id)
    clock.now += 1
    await directory.by_bearer(keys.bearer)  # still from memory
    clock.now += 4
    with pytest.raises(Unauthenticated):
        await directory.by_bearer(keys.bearer)


async def test_a_key_dies_when_it_expires(
    directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    keys = await directory.create_keys(await directory.create_tenant("acme"), lifetime=3)
    await directory.by_bearer(keys.bearer)
    clock.now += 3
    with pytest.raises(Unauthenticated):
        await directory.by_bearer(keys.bearer)


async def test_a_tenant_can_neither_see_nor_revoke_anothers_keys(directory: KeyDirectory) -> None:
    mine, theirs = await directory.create_tenant("mine"), await directory.create_tenant("theirs")
    keys = await directory.create_keys(theirs)
    assert await directory.list(mine.id) == []
    for name in (keys.bearer_id, keys.access_key_id, keys.bearer[:16]):
        with pytest.raises(NotFound):
            await directory.revoke(mine.id, name)
    await directory.by_bearer(keys.bearer)


async def test_no_secret_lies_in_the_database_in_clear(
    directory: KeyDirectory, database: Database
) -> None:
    keys = await directory.create_keys(await directory.create_tenant("acme"))
    rows = str(database.read_now(lambda connection: connection.execute(select(KEYS)).all()))
    assert keys.bearer not in rows
    assert keys.secret_access_key not in rows
    assert keys.bearer not in repr(keys)


async def test_limits_come_with_the_key(directory: KeyDirectory) -> None:
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant)
    await directory.by_bearer(keys.bearer)
    assert directory.limits_of(tenant.id) == Limits()
    await directory.set_limits(tenant.id, Limits(5, 100))
    await directory.set_limits(tenant.id, Limits(7, 100))
    await directory.by_bearer(keys.bearer)
    assert directory.limits_of(tenant.id) == Limits(7, 100)


async def test_limits_hold_while_keys_are_read_anew(directory: KeyDirectory) -> None:
    """A request that has authenticated may still be on its way to its limit."""
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant)
    await directory.set_limits(tenant.id, Limits(0, 0))
    await directory.by_bearer(keys.bearer)
    await directory.create_keys(await directory.create_tenant("other"))
    assert directory.limits_of(tenant.id) == Limits(0, 0)


async def test_the_last_use_of_a_key_is_stored(directory: KeyDirectory) -> None:
    tenant = await directory.create_tenant("acme")
    keys = await directory.create_keys(tenant)
    await directory.by_bearer(keys.bearer)
    await directory.close()
    used = {info.id: info.last_used for info in await directory.list(tenant.id)}
    assert used[keys.bearer_id] is not None
    assert used[keys.aws_id] is None


async def test_creating_a_tenant_twice_gives_the_same(directory: KeyDirectory) -> None:
    assert await directory.create_tenant("acme") == await directory.create_tenant("acme")
