"""What tenants may keep, what goes when they delete, and where adapters may come from."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.generation import adapters as a
from kit.auth.principal import Principal
from kit.auth.scopes import Scope
from kit.errors import Conflict, InvalidRequest, NotFound, PermissionDenied, Unsupported
from kit.objects.listing import Query
from services.generation.repository.adapters.sharing import Allowance, set_quota
from tests.unit.services.generation.adapters.making import (
    CONFIG,
    WEIGHTS,
    adapter,
    archive,
    config,
    weights,
)
from tests.unit.services.generation.adapters.world import ANNA, BERT, BUCKET, World, open_world


def folder_of(world: World, digest: str) -> Path:
    return world.folder / "generation" / "adapters" / digest


async def test_the_same_adapter_of_two_tenants_is_one_folder_until_both_delete_it(
    world: World,
) -> None:
    data = archive(("es", adapter()))
    hers, his = await world.add(data, "mine"), await world.add(data, "mine", BERT)
    assert hers.digest == his.digest
    assert hers.owned
    assert his.owned

    await world.adapters.delete(ANNA, hers.digest)
    with pytest.raises(NotFound):
        await world.adapters.get(ANNA, hers.digest)
    assert (await world.adapters.aliases(ANNA)).items == []
    assert await world.registry.sweeping.sweep(grace=0) == []
    assert folder_of(world, hers.digest).exists()

    await world.adapters.delete(BERT, his.digest)
    assert await world.registry.sweeping.sweep(grace=600) == []
    assert folder_of(world, hers.digest).exists(), "requests may still need it"
    assert await world.registry.sweeping.sweep(grace=0) == [hers.digest]
    assert not folder_of(world, hers.digest).exists()
    assert not list((world.folder / "generation" / "adapters" / "trash").iterdir())


async def test_a_folder_that_a_request_uses_stays(world: World) -> None:
    made = await world.add(archive(("es", adapter())))
    with world.registry.folders.using(made.digest):
        await world.adapters.delete(ANNA, made.digest)
        assert await world.registry.sweeping.sweep(grace=0) == []
        assert folder_of(world, made.digest).exists()
    assert await world.registry.sweeping.sweep(grace=0) == [made.digest]


async def test_what_is_registered_again_before_the_sweep_stays(world: World) -> None:
    data = archive(("es", adapter()))
    made = await world.add(data, "mine")
    await world.adapters.delete(ANNA, made.digest)
    await world.add(data, "mine")
    assert await world.registry.sweeping.sweep(grace=0) == []
    assert sorted(p.name for p in folder_of(world, made.digest).iterdir()) == [CONFIG, WEIGHTS]


async def test_a_deleted_adapter_takes_the_names_of_those_whom_it_was_granted(
    world: World,
) -> None:
    made = await world.add(archive(("es", adapter())))
    await world.adapters.grant(ANNA, a.Grant(digest=made.digest, account=BERT.account))
    await world.adapters.put_alias(BERT, a.PutAlias(name="borrowed", digest=made.digest))
    await world.adapters.delete(ANNA, made.digest)
    assert (await world.adapters.aliases(BERT)).items == []


async def test_desired_are_the_ready_ones_of_all_tenants(world: World) -> None:
    first = await world.add(archive(("es", adapter(seed=1))))
    second = await world.add(archive(("es", adapter(seed=2))), who=BERT)
    await world.add(archive(("es", adapter(b=0.0))))

    found = {one.adapter.digest: one for one in await world.registry.desired()}
    assert set(found) == {first.digest, second.digest}
    usable = found[first.digest]
    assert (usable.model, usable.adapter.rank, usable.pinned) == ("test.llama", 2, False)
    assert usable.adapter.folder == folder_of(world, first.digest)


async def test_a_tenant_keeps_no_more_adapters_than_its_quota(tmp_path: Path) -> None:
    async with open_world(tmp_path, adapter_quota=1) as world:
        await world.add(archive(("es", adapter(seed=1))))
        with pytest.raises(Conflict, match="You may keep 1 adapters"):
            await world.add(archive(("es", adapter(seed=2))))
        assert len(await world.adapters.list(ANNA)) == 1
        await world.add(archive(("es", adapter(seed=2))), who=BERT)

        await world.database.write(set_quota, ANNA.tenant, Allowance(2, 10**9))
        await world.add(archive(("es", adapter(seed=2))))
        kept = await world.adapters.quota(ANNA)
        assert (kept.adapters, kept.adapters_used) == (2, 2)


async def test_a_tenant_keeps_no_more_bytes_than_its_quota(tmp_path: Path) -> None:
    async with open_world(tmp_path, adapter_quota_bytes=100) as world:
        with pytest.raises(Conflict, match="Your adapters may take 100 bytes"):
            await world.add(archive(("es", adapter())))
        assert (await world.adapters.quota(ANNA)).bytes_used == 0


async def test_an_upload_that_no_bytes_could_make_good_is_refused_before_they_come(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, adapter_quota=1) as world:
        await world.adapters.check(ANNA, a.Upload(base="llama", name="es"))
        with pytest.raises(NotFound):
            await world.adapters.check(ANNA, a.Upload(base="nobody/has-this"))
        with pytest.raises(Conflict, match="name of a base model"):
            await world.adapters.check(ANNA, a.Upload(base="llama", name="mistral"))
        await world.add(archive(("es", adapter())))
        with pytest.raises(Conflict, match="You may keep 1 adapters"):
            await world.adapters.check(ANNA, a.Upload(base="llama"))


async def test_side_by_side_registrations_do_not_pass_the_quota_together(tmp_path: Path) -> None:
    async with open_world(tmp_path, adapter_quota=2) as world:
        await world.race_for_the_quota()


async def test_side_by_side_moves_of_a_name_are_numbered_one_after_the_other(
    world: World,
) -> None:
    await world.race_for_a_name()


async def test_an_adapter_is_for_one_base_model_at_a_time(world: World) -> None:
    data = archive(("es", adapter()))
    made = await world.add(data)
    with pytest.raises(Conflict, match=r"registered for test\.llama"):
        await world.add(data, base="mistral")
    await world.adapters.delete(ANNA, made.digest)
    assert (await world.add(data, base="mistral")).base == "test.mistral"


async def test_a_model_that_takes_no_adapters_is_refused_as_a_base(world: World) -> None:
    async with open_world(world.folder / "other", models_too=True) as other:
        with pytest.raises(InvalidRequest, match="takes no adapters"):
            await other.add(archive(("es", adapter())), base="extractive")
        with pytest.raises(NotFound, match="Use one of"):
            await other.add(archive(("es", adapter())), base="nobody/has-this")


async def test_a_prefix_of_two_files_is_a_source(world: World) -> None:
    for name, data in adapter().items():
        await world.put(f"tuned/es/{name}", data)
    await world.put("tuned/es/README.md", b"# hello")
    source = a.ObjectSource(uri=f"s3://{BUCKET}/tuned/es/")
    made = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama"))
    assert (await world.settled(made)).state == "ready"


async def test_a_prefix_is_read_past_its_first_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Query.__init__, "__defaults__", ("", "", "", "", 2))
    for name in ("a", "b", "c"):
        await world.put(f"tuned/es/{name}", b"")
    for name, data in adapter().items():
        await world.put(f"tuned/es/{name}", data)
    source = a.ObjectSource(uri=f"s3://{BUCKET}/tuned/es/")
    made = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama"))
    assert (await world.settled(made)).state == "ready"


async def test_a_sweep_goes_on_where_a_folder_goes_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = world.registry.folders
    trash = folders._root / "checking" / "left by a crash"
    trash.mkdir()
    os.utime(trash, (0, 0))
    monkeypatch.setattr(Path, "iterdir", _with_one_that_has_gone(Path.iterdir))
    folders.clean(())
    assert not trash.exists()


async def test_a_large_folder_goes_without_holding_the_loop_up(world: World) -> None:
    threads = list[int]()

    def remove(folder: Path, **_: object) -> None:
        threads.append(threading.get_ident())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shutil, "rmtree", remove)
        async with world.registry.folders.incoming():
            pass
    assert threads != [threading.get_ident()]


def _with_one_that_has_gone(iterdir: Callable[[Path], Iterator[Path]]) -> object:
    return lambda folder: iter([folder / "gone", *iterdir(folder)])


async def test_an_archive_of_several_asks_which_one(world: World) -> None:
    source = await world.put("a.zip", archive(("es", adapter()), ("fr", adapter(seed=2))))
    with pytest.raises(InvalidRequest, match="es, fr"):
        await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama"))
    ask = a.AddAdapter(source=source, base="llama", member="fr", name="french")
    assert (await world.settled(await world.adapters.add(ANNA, ask))).state == "ready"


async def test_another_tenants_object_is_absent(world: World) -> None:
    source = await world.put("a.tar.gz", archive(("es", adapter())), ANNA)
    with pytest.raises(NotFound):
        await world.adapters.add(BERT, a.AddAdapter(source=source, base="llama"))


async def test_a_key_that_may_not_read_the_bucket_registers_nothing_from_it(world: World) -> None:
    source = await world.put("a.tar.gz", archive(("es", adapter())))
    narrow = Principal(ANNA.tenant, ANNA.account, "narrow", (Scope("rest:*"),))
    with pytest.raises(PermissionDenied):
        await world.adapters.add(narrow, a.AddAdapter(source=source, base="llama"))


async def test_only_children_of_allowed_folders_are_registered(tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    for folder in (allowed / "es", allowed / "old", outside):
        folder.mkdir(parents=True)
        (folder / CONFIG).write_bytes(config())
        (folder / WEIGHTS).write_bytes(weights())
    (allowed / "linked").symlink_to(outside)
    (allowed / "files").mkdir()
    (allowed / "files" / CONFIG).symlink_to("/etc/passwd")
    (allowed / "old" / WEIGHTS).rename(allowed / "old" / "adapter_model.bin")

    async with open_world(tmp_path, adapter_folders=(allowed,)) as world:

        async def add(name: str) -> a.Adapter:
            source = a.FolderSource(name=name)
            made = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama"))
            return await world.settled(made)

        assert (await add("es")).state == "ready"
        for name in ("absent", "linked", "a..b"):
            with pytest.raises(NotFound, match="allows"):
                await add(name)
        with pytest.raises(InvalidRequest, match="cannot be read"):
            await add("files")
        with pytest.raises(InvalidRequest, match="pickle"):
            await add("old")


@pytest.mark.parametrize("name", ["..", "../outside", "/etc", "a/b", "", ".hidden", "a\0b"])
def test_a_folder_is_named_and_never_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        a.FolderSource(name=name)


async def test_the_hub_is_closed_unless_the_operator_opens_it(world: World) -> None:
    source = a.HubSource(repository="somebody/adapter")
    with pytest.raises(Unsupported, match="GENERATION_ADAPTERS_FROM_HUB"):
        await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama"))
