"""Long work: how it stands, what happened to it, stopping and trying again."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from contracts.contract import Contract
from gateway.rest.caller import Caller, Platform
from gateway.rest.events import EVENT_STREAM, events
from gateway.rest.paths import JobId
from kit.jobs.job import Job as FoundJob

router = APIRouter(prefix="/jobs", tags=["jobs"])
State = Literal["queued", "running", "succeeded", "failed", "cancelled", "dead"]
_SHOWN = {
    "id",
    "kind",
    "state",
    "attempts",
    "cancel_requested",
    "progress",
    "result",
    "error",
    "created_at",
    "started_at",
    "finished_at",
}


class Job(Contract):
    """Times in UNIX seconds."""

    id: str
    kind: str
    state: State
    attempts: int
    cancel_requested: bool
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: float
    started_at: float | None
    finished_at: float | None


class Jobs(Contract):
    items: list[Job]
    next_cursor: str | None


class JobEvent(Contract):
    """`event` is a state that was entered, or `accepted`, `progress`, `crashed`, `retrying`."""

    seq: int
    job_id: str
    event: str
    data: dict[str, Any]
    at: float


@router.get("")
async def list_jobs(
    who: Caller,
    platform: Platform,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    state: State | None = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Jobs:
    """Newest first; `after` is the `next_cursor` of the page before."""
    page = await platform.jobs.list(who.tenant, kind=kind, state=state, after=after, limit=limit)
    return Jobs(items=[_shown(job) for job in page.jobs], next_cursor=page.next_cursor)


@router.get("/{job}")
async def get_job(who: Caller, platform: Platform, job: JobId) -> Job:
    return _shown(await platform.jobs.get(who.tenant, job))


@router.post("/{job}/cancel")
async def cancel_job(who: Caller, platform: Platform, job: JobId) -> Job:
    """A queued job ends at once, a running one as soon as it hears of it.

    A batch ends once it has written the outputs that it has.
    """
    return _shown(await platform.jobs.cancel(who.tenant, job))


@router.post("/{job}/retry")
async def retry_job(who: Caller, platform: Platform, job: JobId) -> Job:
    """Queues a failed or dead job again."""
    return _shown(await platform.jobs.retry(who.tenant, job))


@router.get("/{job}/events", response_class=StreamingResponse, responses=EVENT_STREAM)
async def follow_job(
    request: Request,
    who: Caller,
    platform: Platform,
    job: JobId,
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[int, Header(ge=0)] = 0,
) -> StreamingResponse:
    """Server-sent events, from the event `after` until the job has ended."""

    async def lines() -> AsyncGenerator[JobEvent, None]:
        async for event in platform.jobs.follow(who.tenant, job, max(after, last_event_id)):
            yield JobEvent(**asdict(event))

    await platform.jobs.get(who.tenant, job)
    return events(request, lines())


def _shown(job: FoundJob) -> Job:
    shown = {name: value for name, value in asdict(job).items() if name in _SHOWN}
    return Job(**{**shown, "attempts": job.epoch})  # every claim is one, however it ended
