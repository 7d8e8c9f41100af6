"""What the job of a batch writes, each in one transaction behind its fence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from kit.batches.records import Answered, Batch, Outcome
from kit.batches.store import COLUMNS
from kit.batches.tables import ANSWERS, BATCHES
from kit.database import clock, db_now, insert_or_ignore
from kit.errors import NotFound
from kit.jobs.fence import fence


@dataclass(frozen=True, slots=True)
class Standing:
    """What may end a batch, its owner's wish or the time; and how many lines have an answer."""

    cancelled: bool
    expired: bool
    done: int


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: one attempt of the batch's job, on behalf of its tenant."""

    tenant: str
    job: str
    epoch: int


def load(connection: Connection, writer: Writer) -> Batch:
    row = connection.execute(select(*COLUMNS).where(_this(writer))).one_or_none()
    if row is None:
        raise NotFound("The batch of this job is gone.")
    return Batch(*row)


def answered_lines(connection: Connection, writer: Writer) -> set[tuple[int, int]]:
    """Sources and numbers of the lines that need no answer any more."""
    rows = connection.execute(select(ANSWERS.c.source, ANSWERS.c.line).where(_theirs(writer)))
    return {(row.source, row.line) for row in rows}


def begin(connection: Connection, writer: Writer, total: int, told: dict[str, Any]) -> Batch:
    """The input is read, and there are so many lines to answer."""
    fence(connection, writer.job, writer.epoch)
    values = {"total": total, "told": told, "begun_at": db_now()}
    connection.execute(update(BATCHES).where(_this(writer)).values(values))
    return load(connection, writer)


def append(connection: Connection, writer: Writer, answers: Sequence[Answered]) -> Standing:
    """Keeps answers; a line that has one already keeps it, so that nothing is there twice."""
    fence(connection, writer.job, writer.epoch)
    added = {"succeeded": 0, "failed": 0, "tokens_in": 0, "tokens_out": 0}
    for answer in answers:
        values = {"job": writer.job, "source": answer.source, "line": answer.line}
        values |= {"tenant": writer.tenant, "ok": answer.ok, "output": answer.output}
        kept = connection.execute(insert_or_ignore(connection, ANSWERS).values(values))
        if kept.rowcount:
            added["succeeded" if answer.ok else "failed"] += 1
            added["tokens_in"] += answer.tokens_in
            added["tokens_out"] += answer.tokens_out
    more = {name: BATCHES.c[name] + count for name, count in added.items() if count}
    if more:
        connection.execute(update(BATCHES).where(_this(writer)).values(more))
    batch = load(connection, writer)
    return Standing(
        cancelled=batch.cancelling_at is not None,
        expired=batch.expires_at <= clock(connection),
        done=batch.succeeded + batch.failed,
    )


def finalize(connection: Connection, writer: Writer) -> Batch:
    """Every line that will be answered is; only the outputs are left to write."""
    fence(connection, writer.job, writer.epoch)
    now = update(BATCHES).where(_this(writer), BATCHES.c.finalizing_at.is_(None))
    connection.execute(now.values(finalizing_at=db_now()))
    return load(connection, writer)


def outputs(
    connection: Connection,
    writer: Writer,
    after: tuple[int, int],
    limit: int,
    *,
    source: int | None,
    ok: bool | None,
) -> list[tuple[int, int, bytes]]:
    """Answers behind the line `after`, in the order of the input; None: of any kind."""
    behind = (ANSWERS.c.source > after[0]) | (
        (ANSWERS.c.source == after[0]) & (ANSWERS.c.line > after[1])
    )
    query = select(ANSWERS.c.source, ANSWERS.c.line, ANSWERS.c.output).where(
        _theirs(writer), behind
    )
    if source is not None:
        query = query.where(ANSWERS.c.source == source)
    if ok is not None:
        query = query.where(ANSWERS.c.ok == ok)
    query = query.order_by(ANSWERS.c.source, ANSWERS.c.line).limit(limit)
    return [(row.source, row.line, bytes(row.output)) for row in connection.execute(query)]


def end(connection: Connection, writer: Writer, outcome: Outcome, told: dict[str, Any]) -> None:
    """The outputs are whole, so the answers need no rows any more; call it with the job's end."""
    connection.execute(
        update(BATCHES).where(_this(writer)).values(outcome=outcome, told=told, ended_at=db_now())
    )
    connection.execute(delete(ANSWERS).where(_theirs(writer)))


def _this(writer: Writer) -> Any:
    return (BATCHES.c.tenant == writer.tenant) & (BATCHES.c.job == writer.job)


def _theirs(writer: Writer) -> Any:
    return (ANSWERS.c.tenant == writer.tenant) & (ANSWERS.c.job == writer.job)
