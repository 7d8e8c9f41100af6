"""Which queued jobs come next: priority within a tenant, fair turns between tenants."""

from collections import Counter
from collections.abc import Collection
from secrets import SystemRandom

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from kit.database import db_now
from kit.jobs.tables import IS_QUEUED, IS_RUNNING, IS_SENT, jobs


def due_jobs(
    connection: Connection,
    *,
    limit: int,
    kinds: Collection[str] | None = None,
    quarantined: bool | None = None,
    resend_after: float | None = None,
) -> list[str]:
    """Ids of due jobs, locked on PostgreSQL; the tenant with the least under way goes first.

    `kinds` None: any. `quarantined` None: both. `resend_after`: leave out what was dispatched
    less than these seconds ago, and count it as under way.
    """
    if limit <= 0:
        return []
    due = [IS_QUEUED, jobs.c.run_at <= db_now()]
    if kinds is not None:
        due.append(jobs.c.kind.in_(kinds))
    if quarantined is not None:
        due.append(jobs.c.quarantined == quarantined)
    load = _count_by_tenant(connection, IS_RUNNING)
    if resend_after is not None:
        fresh = jobs.c.dispatched_at >= db_now() - resend_after
        due.append(or_(jobs.c.dispatched_at.is_(None), ~fresh))
        load += _count_by_tenant(connection, and_(IS_SENT, fresh))
    tenants = list(connection.execute(_TENANTS).scalars())
    SystemRandom().shuffle(tenants)  # else, of equals, the first by name would always go first
    turns: list[tuple[int, str]] = []
    for tenant in sorted(tenants, key=lambda name: load[name]):
        before = load[tenant]
        if len(turns) == limit and before >= turns[-1][0]:
            break  # no later tenant comes before those that we have
        ids = _next_of(connection, tenant, due, limit)
        turns += [(before + turn, job) for turn, job in enumerate(ids)]
        turns = sorted(turns, key=lambda turn: turn[0])[:limit]
    return [job for _, job in turns]


def others_wait(connection: Connection, job_id: str, *, kinds: Collection[str]) -> bool:
    """Whether a job of `kinds` is due that could have the place of this one, should it yield."""
    like_this = select(jobs.c.quarantined).where(jobs.c.id == job_id).scalar_subquery()
    due = select(jobs.c.id).where(
        IS_QUEUED,
        jobs.c.run_at <= db_now(),
        jobs.c.kind.in_(kinds),
        jobs.c.quarantined == like_this,
    )
    return connection.execute(due.limit(1)).first() is not None


def _count_by_tenant(connection: Connection, which: ColumnElement[bool]) -> Counter[str]:
    rows = connection.execute(
        select(jobs.c.tenant, func.count()).where(which).group_by(jobs.c.tenant)
    )
    return Counter({row[0]: row[1] for row in rows})


def _tenants_with_queue() -> Select[str]:
    """Tenants that have queued jobs: one index step each, however long their queues are."""
    first = select(func.min(jobs.c.tenant).label("tenant")).where(IS_QUEUED).cte(recursive=True)
    later = select(func.min(jobs.c.tenant)).where(IS_QUEUED, jobs.c.tenant > first.c.tenant)
    step = first.union_all(select(later.scalar_subquery()).where(first.c.tenant.is_not(None)))
    return select(step.c.tenant).where(step.c.tenant.is_not(None))


_TENANTS = _tenants_with_queue()  # built once: building it costs more than running it


def _next_of(
    connection: Connection, tenant: str, due: list[ColumnElement[bool]], limit: int
) -> list[str]:
    rows = connection.execute(
        select(jobs.c.id)
        .where(jobs.c.tenant == tenant, *due)
        .order_by(jobs.c.quarantined, jobs.c.priority.desc(), jobs.c.run_at, jobs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(rows.scalars())
