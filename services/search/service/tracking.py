"""Where rows and jobs meet: work is accepted with its row, and a job's end is the row's too."""

from typing import Protocol

from sqlalchemy import Connection

from contracts.search.ingestion import INGESTION
from kit.auth.principal import Principal
from kit.jobs.accept import accept_job
from kit.jobs.job import Job
from kit.jobs.query import get_job
from services.search.repository import documents, ingestions

_LOST = "The job that ran this ended before its time; start another."


class _Place(Protocol):
    @property
    def knowledge_base(self) -> str: ...

    @property
    def data_source(self) -> str: ...


def accept(
    connection: Connection,
    who: Principal,
    where: _Place,
    *,
    ingestion: str | None = None,
    documents: list[str] | None = None,
    delete: bool = False,
) -> str:
    """The id of the job that will do it."""
    job = accept_job(
        connection,
        tenant=who.tenant,
        kind=INGESTION,
        input={
            "knowledge_base": where.knowledge_base,
            "data_source": where.data_source,
            "ingestion": ingestion,
            "documents": documents,
            "delete": delete,
            "account": who.account,
            "key": who.key,
        },
    )
    return job.id


def reconcile(connection: Connection, tenant: str, knowledge_base: str) -> None:
    """An ingestion whose job has ended (crashed too often, say) has ended too."""
    for running in ingestions.active(connection, tenant, knowledge_base):
        job = get_job(connection, tenant, running.job)
        if job.state in ("failed", "dead"):
            ingestions.end(connection, tenant, running.id, "FAILED", reason=_reason(job))
        elif job.state == "cancelled":
            ingestions.end(connection, tenant, running.id, "STOPPED")


def reconcile_documents(connection: Connection, tenant: str, data_source: str) -> None:
    """The same for documents that were put in, or to be taken out, by a job of their own."""
    for job_id, ids in documents.unfinished(connection, tenant, data_source).items():
        job = get_job(connection, tenant, job_id)
        if job.state in ("failed", "dead", "cancelled"):
            documents.fail(connection, tenant, data_source, ids, _reason(job))


def _reason(job: Job) -> str:
    return str(job.error["message"]) if job.error else _LOST
