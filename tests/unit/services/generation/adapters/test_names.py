"""Names: moved, rolled back, granted, pinned; and what another tenant can tell of them."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from contracts.generation import adapters as a
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from kit.errors import Conflict, NotFound, NotReady, PlatformError, Unavailable
from tests.support.queries import Queries
from tests.unit.services.generation.adapters.making import adapter, archive
from tests.unit.services.generation.adapters.world import ANNA, BERT, World, open_world


def chat(model: str, **more: str) -> ChatRequest:
    message = ChatMessage(role="user", content="Hello")
    return ChatRequest(model=model, messages=[message], **more)  # type: ignore[arg-type]


async def resolved(world: World, who: object, **names: str) -> str:
    """The digest that a request leads to; "" for the base model."""
    _, found = await world.registry.resolving.resolve(who, chat(**names))  # type: ignore[arg-type]
    return "" if found is None else found.digest


async def told(work: Awaitable[object]) -> tuple[str, str, str | None]:
    with pytest.raises(PlatformError) as refused:
        await work
    return type(refused.value).__name__, refused.value.message, refused.value.param


async def test_a_name_leads_to_its_adapter_and_a_base_models_name_to_none(world: World) -> None:
    made = await world.add(archive(("es", adapter())), "support")

    assert await resolved(world, ANNA, model="support") == made.digest
    assert await resolved(world, ANNA, model=f"support@sha256:{made.digest}") == made.digest
    assert await resolved(world, ANNA, model="llama", adapter="support") == made.digest
    assert await resolved(world, ANNA, model="llama") == ""


async def test_a_foreign_adapter_is_told_of_as_one_that_does_not_exist(world: World) -> None:
    made = await world.add(archive(("es", adapter())), "support")

    foreign = await told(resolved(world, BERT, model="support"))
    absent = await told(resolved(world, BERT, model="nothing"))
    assert foreign == (absent[0], absent[1].replace("nothing", "support"), absent[2])
    other = "0" * 64
    pinned = await told(resolved(world, BERT, model=f"x@sha256:{made.digest}"))
    unknown = await told(resolved(world, BERT, model=f"x@sha256:{other}"))
    assert pinned == (unknown[0], unknown[1].replace(other, made.digest), unknown[2])
    in_base = await told(resolved(world, BERT, model="llama", adapter="support"))
    nowhere = await told(resolved(world, BERT, model="llama", adapter="nothing"))
    assert in_base == (nowhere[0], nowhere[1].replace("nothing", "support"), nowhere[2])

    calls: list[Callable[[str], Awaitable[object]]] = [
        lambda digest: world.adapters.get(BERT, digest),
        lambda digest: world.adapters.delete(BERT, digest),
        lambda digest: world.adapters.grants(BERT, digest),
        lambda digest: world.adapters.put_alias(BERT, a.PutAlias(name="mine", digest=digest)),
        lambda digest: world.adapters.grant(BERT, a.Grant(digest=digest, account="333333333333")),
    ]
    for call in calls:
        theirs, none = await told(call(made.digest)), await told(call(other))
        assert theirs == (none[0], none[1].replace(other, made.digest), none[2])
    assert await world.adapters.list(BERT) == []


async def test_a_moved_name_is_followed_by_the_next_request_and_can_go_back(world: World) -> None:
    old = await world.add(archive(("es", adapter(seed=1))), "support")
    new = await world.add(archive(("es", adapter(seed=2))), "support")
    assert await resolved(world, ANNA, model="support") == new.digest

    back = await world.adapters.rollback(ANNA, a.Rollback(name="support"))
    assert (back.digest, back.version) == (old.digest, 3)
    assert await resolved(world, ANNA, model="support") == old.digest
    await world.adapters.rollback(ANNA, a.Rollback(name="support", version=2))
    assert await resolved(world, ANNA, model="support") == new.digest

    history = await world.adapters.history(ANNA, a.AliasId(name="support"))
    assert [(move.version, move.digest) for move in history.items] == [
        (4, new.digest),
        (3, old.digest),
        (2, new.digest),
        (1, old.digest),
    ]


async def test_a_name_moves_only_once_the_new_adapter_is_ready(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        old = await world.add(archive(("es", adapter(seed=1))), "support")
        refused = await world.add(archive(("es", adapter(seed=2, b=0.0))), "support")
        assert refused.state == "refused"
        assert await resolved(world, ANNA, model="support") == old.digest


async def test_a_new_name_says_that_its_adapter_is_being_checked(tmp_path: Path) -> None:
    async with open_world(tmp_path, runs_jobs=False) as world:
        source = await world.put("a.tar.gz", archive(("es", adapter())))
        made = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama", name="es"))
        with pytest.raises(NotReady) as waiting:
            await resolved(world, ANNA, model="es")
        assert waiting.value.retry_after
        with pytest.raises(Conflict, match="is checking"):
            await world.adapters.put_alias(ANNA, a.PutAlias(name="x", digest=made.digest))


async def test_a_refused_adapters_name_says_why_to_its_owner(world: World) -> None:
    await world.add(archive(("es", adapter(b=0.0))), "support")
    with pytest.raises(NotFound, match="was refused: values: it changes nothing"):
        await resolved(world, ANNA, model="support")


async def test_a_component_has_names_of_its_own_before_the_tenants(world: World) -> None:
    both = archive(("es", adapter(seed=1)), ("fr", adapter(seed=2)))
    source = await world.put("adapters.tar.gz", both)
    made = await world.registry.register_archive(
        ANNA, a.RegisterArchive(source=source, base="llama", component="lmi-llama")
    )
    settled = {name: await world.settled(one) for name, one in made.adapters.items()}
    assert {name: one.state for name, one in settled.items()} == {"es": "ready", "fr": "ready"}
    own = await world.add(archive(("es", adapter(seed=3))), "es")

    asked = {"model": "llama", "adapter": "es"}
    assert await resolved(world, ANNA, **asked, component="lmi-llama") == settled["es"].digest
    assert await resolved(world, ANNA, **asked, component="other") == own.digest
    assert await resolved(world, ANNA, **asked) == own.digest
    with pytest.raises(NotFound):
        await resolved(world, ANNA, model="fr")
    with pytest.raises(NotFound):
        await resolved(world, ANNA, model="mistral", adapter="es", component="lmi-llama")

    await world.registry.release_component(ANNA, "lmi-llama")
    assert await resolved(world, ANNA, **asked, component="lmi-llama") == own.digest
    assert len(await world.adapters.list(ANNA)) == 3


async def test_a_granted_adapter_is_used_until_the_grant_is_taken_back(world: World) -> None:
    made = await world.add(archive(("es", adapter())), "support")
    grant = a.Grant(digest=made.digest, account=BERT.account)
    assert (await world.adapters.grant(ANNA, grant)).accounts == [BERT.account]

    seen = await world.adapters.get(BERT, made.digest)
    assert (seen.owned, seen.source, seen.job, seen.names) == (False, "granted", "", [])
    assert await resolved(world, BERT, model=f"x@sha256:{made.digest}") == made.digest
    with pytest.raises(NotFound):
        await resolved(world, BERT, model="support")
    await world.adapters.put_alias(BERT, a.PutAlias(name="borrowed", digest=made.digest))
    assert await resolved(world, BERT, model="borrowed") == made.digest
    assert [card.id for card in await world.generation.models(BERT) if card.base] == ["borrowed"]
    with pytest.raises(NotFound):
        await world.adapters.delete(BERT, made.digest)

    assert (await world.adapters.revoke(ANNA, grant)).accounts == []
    for model in ("borrowed", f"x@sha256:{made.digest}"):
        with pytest.raises(NotFound):
            await resolved(world, BERT, model=model)
    assert await world.audited() == [
        "RegisterAdapter",
        "AdmitAdapter",
        "GrantAdapter",
        "RevokeAdapter",
    ]


async def test_a_tenants_ready_adapters_are_models_with_a_base(world: World) -> None:
    made = await world.add(archive(("es", adapter())), "support")
    await world.add(archive(("no", adapter(b=0.0))), "nothing")

    cards = {card.id: card for card in await world.generation.models(ANNA) if card.base}
    assert set(cards) == {"support"}
    assert cards["support"].base == "test.llama"
    assert cards["support"].aliases == [f"support@sha256:{made.digest}"]
    assert cards["support"].created_at == made.created_at > 1_600_000_000
    assert not [card for card in await world.generation.models(BERT) if card.base]


async def test_anothers_name_takes_the_way_of_an_absent_one(world: World) -> None:
    """Statement for statement, so that its time tells nothing."""
    digest = (await world.add(archive(("es", adapter())), "hers")).digest
    queries = Queries(world.database)
    for pair in (("hers", "none"), (f"hers@sha256:{digest}", f"none@sha256:{'0' * 64}")):
        ways = []
        for name in pair:
            for asked in ({"model": name}, {"model": "llama", "adapter": name}):
                world.registry.resolving._lookup.forget()
                kind, message, _ = await told(resolved(world, BERT, **asked))
                way = queries.taken("generation_adapters")
                assert (kind, bool(way)) == ("NotFound", True)
                ways.append((message.replace(name, "NAME"), way))
        assert ways[:2] == ways[2:]


async def test_a_base_models_name_cannot_be_taken(world: World) -> None:
    made = await world.add(archive(("es", adapter())))
    with pytest.raises(Conflict, match="name of a base model"):
        await world.adapters.put_alias(ANNA, a.PutAlias(name="mistral", digest=made.digest))
    with pytest.raises(Conflict, match="name of a base model"):
        await world.add(archive(("es", adapter(seed=2))), "llama")


async def test_a_request_reaches_the_engine_with_what_its_name_means(world: World) -> None:
    await world.add(archive(("es", adapter())), "support")
    with pytest.raises(Unavailable, match=r"test\.llama is stopped"):
        await world.generation.generate(ANNA, chat("support"))
    with pytest.raises(NotFound):
        await world.generation.generate(BERT, chat("support"))
