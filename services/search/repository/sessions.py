"""Rows of conversations: remembered for a while, and erased with the documents they quote."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, tuple_, update

from kit.database import clock
from kit.errors import InvalidRequest
from services.search.ports import Turn
from services.search.repository.tables import documents as document_rows
from services.search.repository.tables import sessions, turn_documents, turns

_REMEMBERED = 10  # turns that go into a prompt


@dataclass(frozen=True, slots=True)
class Session:
    """`turns` oldest first; `seqs` numbers those that they come from."""

    id: str
    turns: list[Turn]
    seqs: list[int]


def resume(
    connection: Connection, tenant: str, knowledge_base: str, session: str, *, idle_seconds: float
) -> Session:
    """With its last turns; raises InvalidRequest for an unknown or expired session."""
    now = clock(connection)
    held = connection.execute(
        update(sessions)
        .where(_is(tenant, knowledge_base, session), sessions.c.expires_at > now)
        .values(expires_at=now + idle_seconds)
    )
    if held.rowcount == 0:
        raise InvalidRequest(
            f"Session with Id {session} is not valid. Leave sessionId out to start a new one.",
            param="sessionId",
        )
    rows = connection.execute(
        select(turns.c.seq, turns.c.question, turns.c.answer)
        .where(turns.c.tenant == tenant, turns.c.session == session)
        .order_by(turns.c.seq.desc())
        .limit(_REMEMBERED)
    ).all()[::-1]
    pairs = [(Turn("user", row.question), Turn("assistant", row.answer)) for row in rows]
    return Session(session, [turn for pair in pairs for turn in pair], [row.seq for row in rows])


def new_id() -> str:
    return str(uuid4())


def begin(
    connection: Connection, tenant: str, knowledge_base: str, session: str, *, idle_seconds: float
) -> None:
    """A new session; those that have expired, whoever's, are erased on the way."""
    now = clock(connection)
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    connection.execute(
        insert(sessions).values(
            id=session,
            tenant=tenant,
            knowledge_base=knowledge_base,
            created_at=now,
            expires_at=now + idle_seconds,
        )
    )


def remember(
    connection: Connection,
    tenant: str,
    session: str,
    *,
    question: str,
    answer: str,
    sources: Mapping[str, int],
    follows: Collection[int],
    idle_seconds: float,
) -> None:
    """Adds a turn with every document that it drew on, and puts the session's end off.

    `sources` maps documents to the versions read, `follows` are the turns that the prompt held. A
    turn is not kept when its session has ended, or when one of these was erased meanwhile: what was
    erased must not come back with the next question.
    """
    kept = connection.execute(
        update(sessions)
        .where(sessions.c.tenant == tenant, sessions.c.id == session)
        .values(expires_at=clock(connection) + idle_seconds)
    )
    if kept.rowcount == 0 or not _all_stand(connection, tenant, session, sources, follows):
        return
    last = connection.execute(
        select(func.max(turns.c.seq)).where(turns.c.tenant == tenant, turns.c.session == session)
    ).scalar()
    seq = (last or 0) + 1
    connection.execute(
        insert(turns).values(
            session=session, seq=seq, tenant=tenant, question=question, answer=answer
        )
    )
    if sources:
        connection.execute(
            insert(turn_documents),
            [
                {"document": document, "session": session, "seq": seq, "tenant": tenant}
                for document in sorted(sources)
            ],
        )


def forget(connection: Connection, tenant: str, document: str) -> None:
    """Erases the turns that a document was a source of, and what was said after them."""
    quoting = connection.execute(
        select(turn_documents.c.session, func.min(turn_documents.c.seq).label("first"))
        .where(turn_documents.c.tenant == tenant, turn_documents.c.document == document)
        .group_by(turn_documents.c.session)
    ).all()
    for session, first in quoting:
        for table in (turns, turn_documents):
            connection.execute(
                delete(table).where(
                    table.c.tenant == tenant, table.c.session == session, table.c.seq >= first
                )
            )


def end(connection: Connection, tenant: str, knowledge_base: str, session: str) -> None:
    connection.execute(delete(sessions).where(_is(tenant, knowledge_base, session)))


def _is(tenant: str, knowledge_base: str, session: str) -> ColumnElement[bool]:
    return (
        (sessions.c.tenant == tenant)
        & (sessions.c.knowledge_base == knowledge_base)
        & (sessions.c.id == session)
    )


def _all_stand(
    connection: Connection,
    tenant: str,
    session: str,
    sources: Mapping[str, int],
    follows: Collection[int],
) -> bool:
    read = connection.execute(
        select(document_rows.c.uid)
        .where(
            document_rows.c.tenant == tenant,
            tuple_(document_rows.c.uid, document_rows.c.version).in_(list(sources.items())),
        )
        .with_for_update(read=True)
    ).all()
    said = connection.execute(
        select(turns.c.seq).where(
            turns.c.tenant == tenant, turns.c.session == session, turns.c.seq.in_(follows)
        )
    ).all()
    return len(read) == len(sources) and len(said) == len(follows)
