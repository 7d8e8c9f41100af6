"""Rows of conversations: remembered for a while, and erased with the documents they quote."""

from collections.abc import Mapping
from uuid import uuid4

from sqlalchemy import Connection, delete, func, insert, select, update

from kit.database import clock
from kit.errors import InvalidRequest
from services.search.ports import Turn
from services.search.repository.tables import chunks, sessions, turn_documents, turns

_REMEMBERED = 10  # turns that go into a prompt


def history(connection: Connection, tenant: str, knowledge_base: str, session: str) -> list[Turn]:
    """The last turns, oldest first; raises InvalidRequest for an unknown or expired session."""
    row = connection.execute(
        select(sessions.c.expires_at).where(
            sessions.c.tenant == tenant,
            sessions.c.knowledge_base == knowledge_base,
            sessions.c.id == session,
        )
    ).one_or_none()
    if row is None or row.expires_at <= clock(connection):
        raise InvalidRequest(
            f"Session with Id {session} is not valid. Leave sessionId out to start a new one.",
            param="sessionId",
        )
    rows = connection.execute(
        select(turns.c.question, turns.c.answer)
        .where(turns.c.tenant == tenant, turns.c.session == session)
        .order_by(turns.c.seq.desc())
        .limit(_REMEMBERED)
    ).all()
    pairs = [(Turn("user", row.question), Turn("assistant", row.answer)) for row in reversed(rows)]
    return [turn for pair in pairs for turn in pair]


def begin(connection: Connection, tenant: str, knowledge_base: str, idle_seconds: float) -> str:
    """A new session's id; those that have expired are erased on the way."""
    now = clock(connection)
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    id = str(uuid4())
    connection.execute(
        insert(sessions).values(
            id=id,
            tenant=tenant,
            knowledge_base=knowledge_base,
            created_at=now,
            expires_at=now + idle_seconds,
        )
    )
    return id


def remember(
    connection: Connection,
    tenant: str,
    session: str,
    *,
    question: str,
    answer: str,
    sources: Mapping[str, str],
    idle_seconds: float,
) -> None:
    """Adds a turn with every document that it drew on, and puts the session's end off.

    `sources` are the chunks that went into the prompt, each with its document. An answer of which
    one was erased or replaced meanwhile is not remembered: nobody would erase it again.
    """
    drawn = chunks.c.tenant == tenant, chunks.c.id.in_(sources)
    held = connection.execute(select(func.count()).select_from(chunks).where(*drawn)).scalar_one()
    if held < len(sources):
        return
    kept = connection.execute(
        update(sessions)
        .where(sessions.c.tenant == tenant, sessions.c.id == session)
        .values(expires_at=clock(connection) + idle_seconds)
    )
    if kept.rowcount == 0:  # ended while the answer was made
        return
    last = connection.execute(
        select(func.max(turns.c.seq)).where(turns.c.session == session)
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
                for document in sorted(set(sources.values()))
            ],
        )


def end(connection: Connection, tenant: str, knowledge_base: str, session: str) -> None:
    connection.execute(
        delete(sessions).where(
            sessions.c.tenant == tenant,
            sessions.c.knowledge_base == knowledge_base,
            sessions.c.id == session,
        )
    )
