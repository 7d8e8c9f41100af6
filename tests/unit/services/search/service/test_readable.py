"""Nobody reads through an ingestion what the caller's own key may not read."""

from dataclasses import replace

import pytest

from contracts.search import ingestion as i
from contracts.search import knowledge_bases as k
from kit.auth.scopes import Scope
from kit.errors import PermissionDenied
from tests.unit.services.search.service.world import ANNA, World

AGENT = (Scope("bedrock-agent:*"), Scope("bedrock-agent-runtime:*"))
LIST = Scope("s3:ListObjectsV2", "arn:aws:s3:::docs")
ENOUGH = {
    "the whole bucket": (LIST, Scope("s3:GetObject", "arn:aws:s3:::docs/*")),
    "the prefix": (LIST, Scope("s3:GetObject", "arn:aws:s3:::docs/open/*")),
    "all of S3": (Scope("s3:*"),),
}
TOO_LITTLE = {
    "nothing of S3": (),
    "the list alone": (LIST,),
    "the objects alone": (Scope("s3:GetObject"),),
    "another bucket": (Scope("s3:*", "arn:aws:s3:::docs2*"),),
    "a part of the prefix": (LIST, Scope("s3:GetObject", "arn:aws:s3:::docs/open/a*")),
    "writing": (LIST, Scope("s3:Put*")),
}
SPEC = k.DataSourceSpec(name="docs", source=k.S3Source(bucket="docs", prefix="open/"))


@pytest.mark.parametrize("scopes", ENOUGH.values(), ids=ENOUGH)
async def test_who_may_read_a_bucket_may_ingest_it(world: World, scopes: tuple[Scope, ...]) -> None:
    who = replace(ANNA, scopes=(*AGENT, *scopes))
    base = await world.base()

    made = await world.bases.create_source(who, k.CreateDataSource(knowledge_base=base, spec=SPEC))
    await world.bases.update_source(
        who, k.UpdateDataSource(knowledge_base=base, id=made.id, spec=SPEC)
    )
    started = await world.ingestion.start(
        who, i.StartIngestion(knowledge_base=base, data_source=made.id)
    )

    assert started.status == "STARTING"


@pytest.mark.parametrize("scopes", TOO_LITTLE.values(), ids=TOO_LITTLE)
async def test_who_may_not_read_a_bucket_may_not_ingest_it(
    world: World, scopes: tuple[Scope, ...]
) -> None:
    who = replace(ANNA, scopes=(*AGENT, *scopes))
    base = await world.base()
    made = await world.bases.create_source(ANNA, k.CreateDataSource(knowledge_base=base, spec=SPEC))

    with pytest.raises(PermissionDenied, match="s3:"):
        await world.bases.create_source(who, k.CreateDataSource(knowledge_base=base, spec=SPEC))
    with pytest.raises(PermissionDenied, match="s3:"):
        await world.bases.update_source(
            who, k.UpdateDataSource(knowledge_base=base, id=made.id, spec=SPEC)
        )
    with pytest.raises(PermissionDenied, match="s3:"):
        await world.ingestion.start(who, i.StartIngestion(knowledge_base=base, data_source=made.id))
    assert world.jobs_in("queued") == []


async def test_a_document_by_name_is_read_only_for_who_may_read_it(world: World) -> None:
    corpus = await world.corpus()
    document = i.DirectDocument(id=corpus.uri("a.txt"))
    ask = i.PutDocuments(**corpus.scope, documents=[document])
    object_scope = Scope("s3:GetObject", f"arn:aws:s3:::{corpus.bucket}/a.txt")

    for scopes in ((), (object_scope,)):  # its sidecar would be read, too
        with pytest.raises(PermissionDenied):
            await world.direct.put(replace(ANNA, scopes=(*AGENT, *scopes)), ask)
    assert world.jobs_in("queued") == []

    with_sidecar = replace(object_scope, resource=f"{object_scope.resource}*")
    await world.direct.put(replace(ANNA, scopes=(*AGENT, with_sidecar)), ask)
    assert len(world.jobs_in("queued")) == 1


@pytest.mark.parametrize(
    "linked",
    [{"source_uri": "s3://docs/a.txt"}, {"content": b"eA==", "attributes_uri": "s3://docs/a.json"}],
)
async def test_a_custom_document_links_only_what_its_sender_may_read(
    world: World, linked: dict[str, str]
) -> None:
    corpus = await world.source(await world.base(), custom=True)
    document = i.DirectDocument.model_validate({"id": "d", **linked})
    ask = i.PutDocuments(**corpus.scope, documents=[document])

    with pytest.raises(PermissionDenied):
        await world.direct.put(replace(ANNA, scopes=AGENT), ask)
    await world.direct.put(replace(ANNA, scopes=(*AGENT, Scope("s3:GetObject"))), ask)
