"""Answers with a memory: what a session keeps, when it ends, and what is asked of a generator."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy import func, select

from contracts.search.retrieval import Answer, AnswerRequest, RetrievalOptions
from kit.errors import InvalidRequest, NotFound
from services.search.repository.tables import sessions, turns
from tests.unit.services.search.service.world import ANNA, Corpus, World


@pytest.fixture
async def corpus(world: World) -> Corpus:
    corpus = await world.corpus()
    corpus.put("apples.txt", "Apples are red.")
    corpus.put("pears.txt", "Pears are green.")
    await corpus.sync()
    return corpus


def request(corpus: Corpus, question: str, **more: Any) -> AnswerRequest:
    options = RetrievalOptions(results=1, search_type="SEMANTIC")
    given = {"knowledge_base": corpus.base, "question": question, "model": "m", "options": options}
    return AnswerRequest(**{**given, **more})


async def ask(corpus: Corpus, question: str, **more: Any) -> Answer:
    return await corpus.world.answering.answer(ANNA, request(corpus, question, **more))


def count(world: World, table: Any) -> int:
    return world.database.read_now(
        lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()
    )


async def test_a_session_remembers_and_its_answers_are_cited(corpus: Corpus) -> None:
    first = await ask(corpus, "What colour are apples?")
    assert (first.text, len(first.citations)) == ("Apples are red.", 1)
    second = await ask(corpus, "And pears?", session=first.session)
    assert second.session == first.session
    assert "Apples are red." in corpus.world.generator.prompts[-1]
    assert count(corpus.world, turns) == 2


async def test_an_answer_tells_what_its_generator_read_and_wrote(corpus: Corpus) -> None:
    answer = await ask(corpus, "What colour are apples?")
    assert (answer.input_tokens, answer.output_tokens) == (7, 9)
    stream = corpus.world.answering.stream(ANNA, request(corpus, "What colour are pears?"))
    *parts, last = [event async for event in stream]
    assert (last.text, last.citation, last.input_tokens, last.output_tokens) == (None, None, 7, 9)
    assert all(event.input_tokens is None for event in parts)


async def test_an_unknown_model_is_refused_before_the_first_event(corpus: Corpus) -> None:
    stream = corpus.world.answering.stream(ANNA, request(corpus, "Apples?", model="unknown"))
    with pytest.raises(NotFound):
        await anext(stream)
    assert count(corpus.world, sessions) == 0


async def test_a_stream_that_is_left_remembers_nothing_and_stops_the_generator(
    corpus: Corpus,
) -> None:
    corpus.world.generator.says = ["Apples ", "are ", "red. ", "[1]"] * 50
    async with aclosing(corpus.world.answering.stream(ANNA, request(corpus, "Apples?"))) as events:
        session = (await anext(events)).session
        await anext(events)
    assert corpus.world.generator.closed == 1
    assert count(corpus.world, turns) == 0
    await ask(corpus, "Apples?", session=session)  # the session that the client saw is there


async def test_a_session_ends_by_itself_when_it_idles(world: World) -> None:
    base = await world.base(session_idle_seconds=1)
    corpus = await world.source(base)
    corpus.put("apples.txt", "Apples are red.")
    await corpus.sync()
    session = (await ask(corpus, "Apples?")).session
    await asyncio.sleep(1.1)
    with pytest.raises(InvalidRequest, match="not valid") as refused:
        await ask(corpus, "Apples?", session=session)
    assert refused.value.param == "sessionId"
    await ask(corpus, "Apples?")
    assert (count(world, sessions), count(world, turns)) == (1, 1)


async def test_only_the_last_ten_turns_go_into_a_prompt(corpus: Corpus) -> None:
    session = (await ask(corpus, "Apples number 0?")).session
    for n in range(1, 13):
        await ask(corpus, f"Apples number {n}?", session=session)
    prompt = corpus.world.generator.prompts[-1]
    assert "Apples number 2?" in prompt
    assert "Apples number 1?" not in prompt


async def test_a_session_of_another_knowledge_base_is_unknown(world: World, corpus: Corpus) -> None:
    other = await world.corpus()
    session = (await ask(corpus, "Apples?")).session
    with pytest.raises(InvalidRequest, match="not valid"):
        await ask(other, "Apples?", session=session)


async def test_an_erased_document_takes_its_turns_and_all_after_them(corpus: Corpus) -> None:
    session = (await ask(corpus, "What colour are pears?")).session
    await ask(corpus, "What colour are apples?", session=session)
    await ask(corpus, "What colour are pears?", session=session)
    del corpus.files["apples.txt"]
    await corpus.sync()
    assert count(corpus.world, turns) == 1
    await ask(corpus, "What colour are pears?", session=session)
    assert "Apples" not in corpus.world.generator.prompts[-1]


async def test_an_answer_from_what_was_erased_while_it_was_made_is_not_remembered(
    corpus: Corpus,
) -> None:
    async with aclosing(corpus.world.answering.stream(ANNA, request(corpus, "Apples?"))) as events:
        await anext(events)
        del corpus.files["apples.txt"]
        await corpus.sync()
        async for _ in events:
            pass
    assert count(corpus.world, turns) == 0


async def test_nothing_found_is_refused_without_asking_a_model(world: World) -> None:
    corpus = await world.corpus()
    answer = await ask(corpus, "What colour are apples?")
    assert answer.text.startswith("Sorry")
    assert world.generator.prompts == []


async def test_passages_under_the_score_cut_off_are_not_answered_from(corpus: Corpus) -> None:
    options = RetrievalOptions(results=5, min_score=0.99)
    answer = await ask(corpus, "zebras and giraffes", options=options)
    assert answer.text.startswith("Sorry")
