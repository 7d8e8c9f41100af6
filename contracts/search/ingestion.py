"""Bringing documents in: syncs of a data source, and documents that are put in directly."""

from typing import Annotated, Any, Literal

from pydantic import Base64Bytes, Field

from contracts.contract import Contract
from contracts.search.knowledge_bases import Page

INGESTION, REMOVAL = "ingestion", "removal"
"""The kinds of the jobs that bring documents in, and that take out what was deleted."""

IngestionStatus = Literal["STARTING", "IN_PROGRESS", "COMPLETE", "FAILED", "STOPPING", "STOPPED"]
DocumentStatus = Literal[
    "INDEXED", "PENDING", "FAILED", "STARTING", "IN_PROGRESS", "DELETING", "NOT_FOUND", "IGNORED"
]
Action = Literal["index", "delete"]


class Statistics(Contract):
    """Counts of one ingestion, each document in as many of them as apply."""

    scanned: int = 0
    metadata_scanned: int = 0
    new: int = 0
    modified: int = 0
    metadata_modified: int = 0
    deleted: int = 0
    failed: int = 0
    skipped: int = 0


class StartIngestion(Contract):
    knowledge_base: str
    data_source: str
    description: str | None = Field(default=None, min_length=1, max_length=200)
    client_token: str | None = None


class IngestionId(Contract):
    knowledge_base: str
    data_source: str
    id: str


class ListIngestions(Page):
    knowledge_base: str
    data_source: str
    statuses: list[IngestionStatus] | None = None
    sort_by: Literal["STATUS", "STARTED_AT"] = "STARTED_AT"
    descending: bool = True


class Ingestion(Contract):
    id: str
    knowledge_base: str
    data_source: str
    description: str | None
    status: IngestionStatus
    statistics: Statistics
    failure_reasons: list[str]
    started_at: float
    updated_at: float
    job: str


class Ingestions(Contract):
    items: list[Ingestion]
    next_token: str | None = None


# Documents put in directly ------------------------------------------------------------------------
class DirectDocument(Contract):
    """`id` is an s3:// URI, or the identifier of a custom document with its content inline."""

    id: str = Field(min_length=1, max_length=2048)
    content: Base64Bytes | None = None
    media_type: str = "text/plain"
    source_uri: str | None = None
    """Where a custom document's content lies in S3, in place of inline content."""
    attributes: dict[str, Any] | None = None
    attributes_uri: str | None = None


class PutDocuments(Contract):
    knowledge_base: str
    data_source: str
    documents: Annotated[list[DirectDocument], Field(min_length=1, max_length=25)]


class DocumentIds(Contract):
    knowledge_base: str
    data_source: str
    ids: Annotated[list[str], Field(min_length=1, max_length=25)]


class ListDocuments(Page):
    knowledge_base: str
    data_source: str


class Document(Contract):
    id: str
    status: DocumentStatus
    reason: str | None = None
    updated_at: float | None = None
    chunks: int = 0


class Documents(Contract):
    items: list[Document]
    next_token: str | None = None


# What the job runner asks of the service ----------------------------------------------------------
class Fence(Contract):
    """The claim under which a step is asked for; a step outside of its lease changes nothing."""

    job: str
    epoch: int


class PlanIngestion(Contract):
    knowledge_base: str
    data_source: str
    ingestion: str | None
    documents: list[str] | None = None
    """None: everything that differs from the source; else just these."""
    delete: bool = False
    fence: Fence


class PlannedStep(Contract):
    document: str
    action: Action


class IngestionPlan(Contract):
    steps: list[PlannedStep]


class RunStep(Contract):
    knowledge_base: str
    data_source: str
    ingestion: str | None
    step: PlannedStep
    fence: Fence


class FinishIngestion(Contract):
    knowledge_base: str
    data_source: str
    ingestion: str | None
    stopped: bool = False
    failure: str | None = None
    fence: Fence


class RemoveResources(Contract):
    """The end of a deletion: rows, chunks, vectors and sessions; asked for while there is more."""

    knowledge_base: str
    data_source: str | None = None
    fence: Fence


class Removed(Contract):
    more: bool
