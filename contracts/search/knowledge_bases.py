"""Knowledge bases and their data sources."""

from typing import Any, Literal

from pydantic import Field

from contracts.contract import Contract

Name = Field(pattern=r"^([0-9a-zA-Z][_-]?){1,100}$")
Status = Literal["CREATING", "ACTIVE", "DELETING", "UPDATING", "FAILED"]


class KnowledgeBaseSpec(Contract):
    """What a user says of a knowledge base; `extras` is echoed and never read."""

    name: str = Name
    description: str | None = Field(default=None, min_length=1, max_length=200)
    embedding_model: str = Field(default="all-minilm-l6-v2", min_length=1, max_length=2048)
    dimensions: int | None = Field(default=None, ge=1, le=4096)
    language: str = "english"
    min_score: float | None = Field(default=None, ge=0, le=1)
    """Passages with a lower cosine are dropped from every retrieval and answer."""
    session_idle_seconds: int = Field(default=86_400, ge=1, le=31_536_000)
    tags: dict[str, str] = Field(default_factory=dict, max_length=200)
    extras: dict[str, Any] = Field(default_factory=dict)


class KnowledgeBase(Contract):
    id: str
    spec: KnowledgeBaseSpec
    status: Status
    dimension: int
    created_at: float
    updated_at: float
    failure_reasons: list[str] = Field(default_factory=list)


class CreateKnowledgeBase(Contract):
    spec: KnowledgeBaseSpec
    client_token: str | None = None


class UpdateKnowledgeBase(Contract):
    id: str
    spec: KnowledgeBaseSpec


class KnowledgeBaseId(Contract):
    id: str


class Page(Contract):
    """Asks for a page; `token` comes from the page before."""

    limit: int = Field(default=100, ge=1, le=1000)
    token: str | None = Field(default=None, max_length=2048)


class KnowledgeBases(Contract):
    items: list[KnowledgeBase]
    next_token: str | None = None


class S3Source(Contract):
    type: Literal["S3"] = "S3"
    bucket: str = Field(min_length=3, max_length=63)
    prefix: str = Field(default="", max_length=300)


class CustomSource(Contract):
    """Documents are put in directly; there is nothing to sync from."""

    type: Literal["CUSTOM"] = "CUSTOM"


class DataSourceSpec(Contract):
    name: str = Name
    description: str | None = Field(default=None, min_length=1, max_length=200)
    source: S3Source | CustomSource = Field(discriminator="type")
    chunking: dict[str, Any] | None = None
    """Bedrock's chunkingConfiguration; None is the default strategy (about 300 tokens)."""
    deletion_policy: Literal["DELETE", "RETAIN"] = "DELETE"
    extras: dict[str, Any] = Field(default_factory=dict)


class DataSource(Contract):
    id: str
    knowledge_base: str
    spec: DataSourceSpec
    status: Literal["AVAILABLE", "DELETING"]
    created_at: float
    updated_at: float


class CreateDataSource(Contract):
    knowledge_base: str
    spec: DataSourceSpec
    client_token: str | None = None


class UpdateDataSource(Contract):
    knowledge_base: str
    id: str
    spec: DataSourceSpec


class DataSourceId(Contract):
    knowledge_base: str
    id: str


class ListDataSources(Page):
    knowledge_base: str


class DataSources(Contract):
    items: list[DataSource]
    next_token: str | None = None


class Tags(Contract):
    resource: str
    """An ARN."""
    set: dict[str, str] = Field(default_factory=dict, max_length=200)
    remove: list[str] = Field(default_factory=list, max_length=200)


class TagSet(Contract):
    tags: dict[str, str]
