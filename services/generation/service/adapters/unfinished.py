"""Adapters whose checks ended without a word: their job is over, and told nothing."""

from sqlalchemy import Connection

from kit.errors import NotFound
from kit.jobs.job import OPEN_STATES
from kit.jobs.query import get_job
from services.generation.repository.adapters import holding, rows

_STOPPED = "the checks were stopped; register it again"


def settle_unfinished(connection: Connection, tenant: str) -> bool:
    """Refuses them, with what the job says; whether there were any."""
    settled = False
    for found in rows.checking(connection, tenant):
        reason = _why_over(connection, tenant, found.job)
        row = rows.find(connection, tenant, found.digest, lock=True) if reason else None
        # The job may have told, and ended, after the first look; or the row is a later job's.
        if row is not None and (row.state, row.job) == ("checking", found.job):
            rows.change(connection, tenant, row.digest, state="refused", reasons=[reason])
            holding.condemn(connection, row.digest)
            settled = True
    return settled


def _why_over(connection: Connection, tenant: str, job: str) -> str | None:
    """None while the job may still come to an end."""
    try:
        found = get_job(connection, tenant, job)
    except NotFound:
        return _STOPPED
    if found.state in OPEN_STATES:
        return None
    message = (found.error or {}).get("message")
    return f"the checks failed: {message}" if message else _STOPPED
