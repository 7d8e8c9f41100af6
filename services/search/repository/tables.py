"""The search service's tables; what is visible is what these rows say, whatever the index holds."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kit.database import METADATA

knowledge_bases = Table(
    "search_knowledge_bases",
    METADATA,
    Column("id", String(10), primary_key=True),
    Column("tenant", String, nullable=False),
    Column("name", String, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("model", String, nullable=False),  # the catalogue's id of the embedding model
    Column("dimension", Integer, nullable=False),
    Column("average_length", Double),  # set by the first ingestion; BM25 normalises with it
    Column("status", String, nullable=False),
    Column("failure_reasons", JSON, nullable=False),
    Column("client_token", String),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("tenant", "name"),
    UniqueConstraint("tenant", "client_token"),
)

data_sources = Table(
    "search_data_sources",
    METADATA,
    Column("id", String(10), primary_key=True),
    Column("tenant", String, nullable=False),
    Column("knowledge_base", ForeignKey("search_knowledge_bases.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("client_token", String),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("knowledge_base", "name"),
    UniqueConstraint("tenant", "client_token"),
)

ingestions = Table(
    "search_ingestions",
    METADATA,
    Column("id", String(10), primary_key=True),
    Column("tenant", String, nullable=False),
    Column("knowledge_base", String(10), nullable=False),
    Column("data_source", ForeignKey("search_data_sources.id"), nullable=False),
    Column("description", String),
    Column("job", String, nullable=False),
    Column("status", String, nullable=False),
    Column("statistics", JSON, nullable=False),
    Column("failure_reasons", JSON, nullable=False),
    Column("client_token", String),
    Column("started_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("data_source", "client_token"),
    Index("search_ingestions_of_source", "data_source", "started_at"),
)

documents = Table(
    "search_documents",
    METADATA,
    Column("uid", String(36), primary_key=True),  # what the index knows the document by
    Column("tenant", String, nullable=False),
    Column("knowledge_base", String(10), nullable=False),
    Column("data_source", ForeignKey("search_data_sources.id"), nullable=False),
    Column("id", String, nullable=False),  # the s3:// URI, or the custom identifier
    # The committed pointer: only chunks and points of this version are visible; 0 is none.
    Column("version", BigInteger, nullable=False),
    Column("content_hash", String),
    Column("metadata", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("chunks", Integer, nullable=False),
    Column("content_mark", String),  # the source's own mark (an ETag) of what was read last
    Column("metadata_mark", String),
    Column("ingestion", String(10)),  # the last ingestion that settled it
    Column("request", String),  # the job of the last direct request for it; earlier ones yield
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("data_source", "id"),
    Index("search_documents_of_base", "knowledge_base"),
)

chunks = Table(
    "search_chunks",
    METADATA,
    Column("id", String(36), primary_key=True),  # also the point's id in the index
    Column("tenant", String, nullable=False),
    Column("document", ForeignKey("search_documents.uid"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("parent", String(36)),  # the chunk to return in place of this one
    Column("metadata", JSON, nullable=False),
    Index("search_chunks_of_document", "document", "version", "ordinal"),
)

point_versions = Table(
    "search_point_versions",
    METADATA,
    # Every version whose points may be in the index. A condemned one is never committed: its
    # points are deleted, then its row, so no crash leaves points that nobody knows of.
    Column("document", String(36), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("knowledge_base", String(10), nullable=False, index=True),
    Column("condemned", Boolean, nullable=False),
    Column("job", String, nullable=False),  # the attempt that began it; once that is over, it has
    Column("epoch", Integer, nullable=False),  # either been committed or never will be
)

custom_documents = Table(
    "search_custom_documents",
    METADATA,
    Column("data_source", ForeignKey("search_data_sources.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("content", LargeBinary),
    Column("media_type", String, nullable=False),
    Column("source_uri", String),
    Column("attributes", JSON),
    Column("attributes_uri", String),
    Column("updated_at", Double, nullable=False),
)

sessions = Table(
    "search_sessions",
    METADATA,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("knowledge_base", String(10), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

turns = Table(
    "search_turns",
    METADATA,
    Column("session", ForeignKey("search_sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
)

turn_documents = Table(
    "search_turn_documents",
    METADATA,
    Column("document", String(36), primary_key=True),
    Column("session", ForeignKey("search_sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
)

tags = Table(
    "search_tags",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("resource", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
