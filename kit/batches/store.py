"""The door to batches for those who serve them on a wire."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from kit.batches.records import Batch, NewBatch, Seen
from kit.batches.tables import ANSWERS, BATCHES
from kit.database import Database, db_now
from kit.errors import Conflict, NotFound
from kit.jobs.accept import accept_job
from kit.jobs.cancel import Stops
from kit.jobs.job import COLUMNS as JOB_COLUMNS
from kit.jobs.job import job_of
from kit.jobs.ports import Waker
from kit.jobs.tables import jobs

KIND = "batch"
"""Of the jobs that run them."""
COLUMNS = [BATCHES.c[name] for name in Batch.__slots__]
_RETRIED_FOR = 7 * 86_400.0
_MOST_ATTEMPTS = 50  # about two hours of them; waiting for what is away counts as none


class Batches:
    """Every call stays within one tenant and one wire; what is another's is NotFound."""

    def __init__(self, database: Database, waker: Waker) -> None:
        self._database = database
        self._waker = waker

    async def create(self, tenant: str, new: NewBatch, *, token: str | None = None) -> Seen:
        """Durable when this returns; the same `token` gives the batch of the first call.

        Raises Conflict where the token came with another request.
        """
        made = await self._database.write(_create, tenant, new, token)
        await self._waker.wake()
        return made

    async def get(self, tenant: str, wire: str, id: str) -> Seen:
        return await self._database.read(find, tenant, wire, id)

    async def page(
        self,
        tenant: str,
        wire: str,
        *,
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[Seen]:
        """`after` is the `job` of a batch that was seen before; up to `limit` behind it."""
        return await self._database.read(_page, tenant, wire, after, limit, newest_first)

    async def cancel(self, tenant: str, wire: str, id: str) -> Seen:
        """It ends soon after, with the outputs that it has. Raises Conflict once it has ended."""
        return await self._database.write(_cancel, tenant, wire, id)

    async def sweep(self) -> None:
        """Deletes answers that no output will have: those of jobs that ended without writing one.

        They are kept for a week, since an owner may have such a job tried again.
        """
        while await self._database.write(forget_answers):
            pass


def find(connection: Connection, tenant: str, wire: str, id: str) -> Seen:
    """Raises NotFound."""
    query = _seen().where(BATCHES.c.tenant == tenant, BATCHES.c.wire == wire, BATCHES.c.id == id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no batch {id}.", param="batch_id")
    return _seen_of(row)


def forget_answers(connection: Connection) -> bool:
    """Of one batch; whether there was one. Asked again after that, it begins anew."""
    has_answers = select(ANSWERS.c.line).where(ANSWERS.c.job == BATCHES.c.job).exists()
    given_up = (
        select(BATCHES.c.job, BATCHES.c.tenant)
        .join(jobs, jobs.c.id == BATCHES.c.job)
        .where(
            jobs.c.state.in_(("failed", "dead", "cancelled")),
            jobs.c.finished_at < db_now() - _RETRIED_FOR,
            has_answers,
        )
        .limit(1)
        .with_for_update(of=jobs, skip_locked=True)
    )
    row = connection.execute(given_up).one_or_none()
    if row is None:
        return False
    theirs = (ANSWERS.c.tenant == row.tenant) & (ANSWERS.c.job == row.job)
    connection.execute(delete(ANSWERS).where(theirs))
    this = (BATCHES.c.tenant == row.tenant) & (BATCHES.c.job == row.job)
    connection.execute(update(BATCHES).where(this).values(succeeded=0, failed=0))
    return True


def _create(connection: Connection, tenant: str, new: NewBatch, token: str | None) -> Seen:
    job = accept_job(
        connection,
        tenant=tenant,
        kind=KIND,
        input={"account": new.account, "key": new.key, "asked": new.asked, "name": new.name},
        idem_key=None if token is None else f"{KIND}:{new.wire}:{token}",
        max_attempts=_MOST_ATTEMPTS,
    )
    known = connection.execute(_seen().where(BATCHES.c.job == job.id)).one_or_none()
    if known is not None:
        return _seen_of(known)
    values: dict[str, Any] = {"job": job.id, "id": new.id, "tenant": tenant, "wire": new.wire}
    values |= {"name": new.name, "asked": new.asked, "told": {}}
    values |= dict.fromkeys(("succeeded", "failed", "tokens_in", "tokens_out"), 0)
    values |= {"created_at": job.created_at, "expires_at": job.created_at + new.lifetime}
    connection.execute(insert(BATCHES).values(values))
    return find(connection, tenant, new.wire, new.id)


def _page(
    connection: Connection, tenant: str, wire: str, after: str | None, limit: int, newest: bool
) -> list[Seen]:
    query = _seen().where(BATCHES.c.tenant == tenant, BATCHES.c.wire == wire)
    if after is not None:
        query = query.where(BATCHES.c.job < after if newest else BATCHES.c.job > after)
    query = query.order_by(BATCHES.c.job.desc() if newest else BATCHES.c.job).limit(limit)
    return [_seen_of(row) for row in connection.execute(query)]


def _cancel(connection: Connection, tenant: str, wire: str, id: str) -> Seen:
    seen = find(connection, tenant, wire, id)
    if seen.status in ("completed", "failed", "expired", "cancelled"):
        raise Conflict(f"The batch {id} has already ended: {seen.status}.", param="batch_id")
    _stop(connection, tenant, seen.batch.job)
    return find(connection, tenant, wire, id)


def _stop(connection: Connection, tenant: str, job: str) -> bool:
    """Its job is not cancelled, which would leave no time, or nobody, to write the outputs."""
    this = (BATCHES.c.tenant == tenant, BATCHES.c.job == job, BATCHES.c.cancelling_at.is_(None))
    told = connection.execute(update(BATCHES).where(*this).values(cancelling_at=db_now()))
    return told.rowcount > 0


STOPS: Stops = {KIND: _stop}
"""For the door to jobs."""


def _seen() -> Any:
    return select(*COLUMNS, *JOB_COLUMNS).join(jobs, jobs.c.id == BATCHES.c.job)


def _seen_of(row: Any) -> Seen:
    return Seen(Batch(*row[: len(COLUMNS)]), job_of(row[len(COLUMNS) :]))
