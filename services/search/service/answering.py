"""Answers from a knowledge base: retrieve, ask, cite, remember."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from contracts.search.retrieval import Answer, AnswerEvent, AnswerRequest, Citation, SessionId
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import InvalidRequest
from services.search.ports import Generator, Tally
from services.search.repository import bases, sessions
from services.search.service.answers.citations import Citation as Cited
from services.search.service.answers.citations import TextPart, cite_stream
from services.search.service.answers.condense import condense
from services.search.service.answers.passage import Passage
from services.search.service.answers.prompts import Prompt, check_template, render
from services.search.service.embedding import Embedding
from services.search.service.retrieval import Ranked, Retrieval, passage

REFUSAL = "Sorry, I am unable to assist you with this request."


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that its answer is made of."""

    base: bases.Base
    session: sessions.Session
    question: str
    """Standing alone: a follow-up is rewritten by its session."""
    ranked: list[Ranked]
    prompt: Prompt
    tally: Tally


class Answering:
    """The generator writes; what it claims is cited only where a passage supports it."""

    def __init__(
        self,
        database: Database,
        retrieval: Retrieval,
        embedding: Embedding,
        generator: Generator,
    ) -> None:
        self._database = database
        self._retrieval = retrieval
        self._embedding = embedding
        self._generator = generator

    async def answer(self, who: Principal, ask: AnswerRequest) -> Answer:
        text, citations, event = "", [], AnswerEvent(session="")
        async with aclosing(self.stream(who, ask)) as events:
            async for event in events:
                text += event.text or ""
                if event.citation is not None:
                    citations.append(event.citation)
        return Answer(
            text=text,
            citations=citations,
            session=event.session,
            model=ask.model,
            input_tokens=event.input_tokens or 0,
            output_tokens=event.output_tokens or 0,
        )

    async def stream(self, who: Principal, ask: AnswerRequest) -> AsyncGenerator[AnswerEvent, None]:
        """Text as it comes; a citation follows the text that it covers.

        The first event waits for the generator's first word: what it refuses raises before.
        """
        asked = await self._ask(who, ask)
        text = ""
        async with aclosing(self._cited(who, ask, asked)) as parts:
            first = await anext(parts, None)
            if ask.session is None:
                await self._database.write(
                    sessions.begin,
                    who.tenant,
                    ask.knowledge_base,
                    asked.session.id,
                    idle_seconds=asked.base.shown.spec.session_idle_seconds,
                )
            yield AnswerEvent(session=asked.session.id, text="")
            async for part in _chain(first, parts):
                if isinstance(part, TextPart):
                    text += part.text
                yield _event(part, asked)
        yield AnswerEvent(
            session=asked.session.id,
            input_tokens=asked.tally.input,
            output_tokens=asked.tally.output,
        )
        await self._remember(who, ask, asked, text)

    async def _remember(
        self, who: Principal, ask: AnswerRequest, asked: Asked, answer: str
    ) -> None:
        await self._database.write(
            sessions.remember,
            who.tenant,
            asked.session.id,
            question=ask.question,
            answer=answer,
            sources={one.found.document: one.found.version for one in asked.ranked},
            follows=asked.session.seqs,
            idle_seconds=asked.base.shown.spec.session_idle_seconds,
        )

    async def end_session(self, who: Principal, ask: SessionId) -> None:
        await self._database.write(sessions.end, who.tenant, ask.knowledge_base, ask.session)

    async def _ask(self, who: Principal, ask: AnswerRequest) -> Asked:
        if not ask.question.strip():
            raise InvalidRequest("The question must not be empty.", param="input.text")
        if ask.prompt_template is not None:
            check_template(ask.prompt_template)
        base = await self._database.read(bases.base, who.tenant, ask.knowledge_base)
        session = sessions.Session(sessions.new_id(), [], [])
        if ask.session is not None:
            session = await self._database.write(
                sessions.resume,
                who.tenant,
                ask.knowledge_base,
                ask.session,
                idle_seconds=base.shown.spec.session_idle_seconds,
            )
        question = condense(ask.question, session.turns)
        ranking = await self._retrieval.rank(
            who, ask.knowledge_base, question, ask.options, ask.options.results
        )
        ranked = ranking.best
        prompt = render(
            ask.question, _passages(ranked), template=ask.prompt_template, history=session.turns
        )
        return Asked(base, session, question, ranked, prompt, Tally())

    async def _cited(
        self, who: Principal, ask: AnswerRequest, asked: Asked
    ) -> AsyncGenerator[TextPart | Cited, None]:
        if not asked.ranked:  # nothing to answer from: no model is asked to make something up
            yield TextPart(REFUSAL)
            return
        passages = _passages(asked.ranked)
        written = self._generator.generate(
            who,
            model=ask.model,
            turns=asked.prompt.turns,
            question=asked.question,
            passages=[one.text for one in passages],
            max_tokens=ask.inference.max_tokens,
            temperature=ask.inference.temperature,
            top_p=ask.inference.top_p,
            stop=ask.inference.stop,
            tally=asked.tally,
        )
        async with aclosing(written), aclosing(self._parts(asked, passages, written)) as parts:
            async for part in parts:
                yield part

    def _parts(
        self, asked: Asked, passages: Sequence[Passage], written: AsyncGenerator[str, None]
    ) -> AsyncGenerator[TextPart | Cited, None]:
        async def similarity(text: str, others: Sequence[str]) -> list[float]:
            vectors = await self._embedding.chunk_vectors(asked.base.model, [text, *others])
            return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

        if not asked.prompt.cited:
            return _plain(written)
        return cite_stream(written, passages, question=asked.question, similarity=similarity)


async def _plain(written: AsyncGenerator[str, None]) -> AsyncGenerator[TextPart | Cited, None]:
    async for text in written:
        yield TextPart(text)


async def _chain(
    first: TextPart | Cited | None, rest: AsyncGenerator[TextPart | Cited, None]
) -> AsyncGenerator[TextPart | Cited, None]:
    if first is not None:
        yield first
        async for part in rest:
            yield part


def _event(part: TextPart | Cited, asked: Asked) -> AnswerEvent:
    if isinstance(part, TextPart):
        return AnswerEvent(session=asked.session.id, text=part.text)
    return AnswerEvent(session=asked.session.id, citation=_citation(part, asked.ranked))


def _passages(ranked: Sequence[Ranked]) -> list[Passage]:
    return [
        Passage(
            text=one.found.text,
            document=one.found.document_id,
            source_start=one.found.start,
            source_end=one.found.end,
            page=one.found.page,
            metadata=one.found.metadata,
            score=one.hit.score,
        )
        for one in ranked
    ]


def _citation(cited: Cited, ranked: Sequence[Ranked]) -> Citation:
    """The references' own source offsets take the place of their whole passages'."""
    return Citation(
        start=cited.start,
        end=cited.end,
        text=cited.text,
        passages=[
            (whole := passage(ranked[reference.passage])).model_copy(
                update={"metadata": {**whole.metadata, **reference.metadata()}}
            )
            for reference in cited.references
        ],
    )
