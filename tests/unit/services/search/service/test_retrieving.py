"""Retrieval over many chunks: pages, stale hits, cut-offs, questions without a word to look for."""

import pytest

from contracts.search.retrieval import RetrievalOptions, RetrieveRequest
from kit.errors import InvalidRequest
from services.search.ports import CollectionSpec, Point
from tests.unit.services.search.service.doubles import DIMENSION
from tests.unit.services.search.service.world import ANNA, Corpus, World

FRUIT = ("apple", "pear", "plum", "fig")


@pytest.fixture
async def corpus(world: World) -> Corpus:
    corpus = await world.corpus()
    crates = [" ".join(FRUIT[k % 4] for k in range(n % 7 + 1)) for n in range(60)]
    rows = "".join(f"Crate {n} holds {words}.\n" for n, words in enumerate(crates))
    record = {"contentFields": [{"fieldName": "about"}]}
    by_row = {
        "type": "RECORD_BASED_STRUCTURE_METADATA",
        "recordBasedStructureMetadata": record,
    }
    corpus.put("crates.csv", f"about\n{rows}", structure=by_row)
    await corpus.sync()
    return corpus


async def pages(corpus: Corpus, size: int, **options: object) -> list[str]:
    found: list[str] = []
    token = None
    while True:
        ask = RetrieveRequest(
            knowledge_base=corpus.base,
            query="a crate of pear and fig",
            options=RetrievalOptions.model_validate({"results": size, **options}),
            token=token,
        )
        page = await corpus.world.retrieval.retrieve(ANNA, ask)
        found += [one.chunk for one in page.items]
        if (token := page.next_token) is None:
            return found


@pytest.mark.parametrize("mode", ["SEMANTIC", "HYBRID"])
async def test_pages_of_any_size_are_the_same_list(corpus: Corpus, mode: str) -> None:
    whole = await pages(corpus, 100, search_type=mode)
    assert len(whole) == len(set(whole)) == 60
    for size in (1, 7, 30):
        assert await pages(corpus, size, search_type=mode) == whole


@pytest.mark.parametrize("token", ["-1", "x", "²", "9" * 50, "1001"])
async def test_a_token_that_was_not_given_out_is_refused(corpus: Corpus, token: str) -> None:
    ask = RetrieveRequest(knowledge_base=corpus.base, query="pear", token=token)
    with pytest.raises(InvalidRequest) as refused:
        await corpus.world.retrieval.retrieve(ANNA, ask)
    assert refused.value.param == "nextToken"


async def test_hits_that_are_not_visible_take_nobodys_place(world: World) -> None:
    """Points that a dead attempt left, better than every real one, and more than a search gives."""
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples are red.")
    corpus.put("b.txt", "Pears are green.")
    await corpus.sync()
    [vector] = (await world.embedder.embed(["red apples"], kind="query")).vectors
    left = [
        Point(f"00000000-0000-0000-0000-{n:012d}", vector, "red apples", "ghost", 7)
        for n in range(300)
    ]
    await world.index.upsert(CollectionSpec(corpus.base, DIMENSION), left)
    for mode in ("SEMANTIC", "HYBRID"):
        found = await corpus.texts("red apples", results=2, search_type=mode)
        assert found == {"Apples are red.", "Pears are green."}


async def test_a_question_of_stop_words_is_answered_by_meaning(corpus: Corpus) -> None:
    found = await corpus.retrieve("of the and", results=5, search_type="HYBRID")
    assert len(found) == 5


async def test_passages_under_the_cut_off_are_left_out(corpus: Corpus) -> None:
    every = await corpus.retrieve("crate pear", search_type="SEMANTIC")
    middle = every[30].similarity or 0.0
    for mode in ("SEMANTIC", "HYBRID"):
        some = await corpus.retrieve("crate pear", search_type=mode, min_score=middle)
        assert {one.chunk for one in some} == {
            one.chunk for one in every if (one.similarity or 0.0) >= middle
        }


async def test_an_empty_question_is_refused(corpus: Corpus) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await corpus.retrieve(" \n")
    assert refused.value.param == "retrievalQuery.text"


async def test_a_text_longer_than_the_model_reads_is_found_by_its_end(world: World) -> None:
    corpus = await world.corpus(chunking={"chunkingStrategy": "NONE"})
    filler = " ".join(f"filler{n}" for n in range(300))
    corpus.put("long.txt", f"{filler} " + "zebra giraffe lion tiger bear " * 30)
    corpus.put("short.txt", "Apples are red.")
    await corpus.sync()
    best = (await corpus.retrieve("zebra giraffe lion", search_type="SEMANTIC"))[0]
    assert best.document == corpus.uri("long.txt")
    assert (best.start, best.end) == (0, len(best.text))
