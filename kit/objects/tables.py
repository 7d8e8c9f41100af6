"""The object store's tables; keys are stored as UTF-8 bytes, so that they sort as S3 sorts them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from typing_extensions import override

from kit.database import METADATA


class KeyBytes(TypeDecorator[str]):
    """Text in Python, UTF-8 bytes in the database: one order on every database, NUL allowed.

    A bound may also be given as bytes, for it need not be valid UTF-8.
    """

    impl = LargeBinary
    cache_ok = True

    @override
    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> bytes | None:
        return value.encode() if isinstance(value, str) else value

    @override
    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode()


BUCKETS = Table(
    "buckets",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("versioning", Text, nullable=False),  # "", Enabled or Suspended
    Column("tags", JSON, nullable=False),
    Column("notifications", JSON, nullable=False),
    Column("events", BigInteger, nullable=False),  # the number of the bucket's latest event
)

VERSIONS = Table(
    "object_versions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", KeyBytes, nullable=False),
    Column("version", Text, nullable=False),  # "null" where the bucket was not versioned
    Column("rank", BigInteger, nullable=False),  # grows with each version of the key
    Column("latest", Boolean, nullable=False),
    Column("marker", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Double, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("checksum", JSON, nullable=False),
    Column("parts", Integer, nullable=False),  # 0 unless it was a multi-part upload
    UniqueConstraint("tenant", "bucket", "key", "version"),
    Index("object_versions_by_rank", "tenant", "bucket", "key", "rank", unique=True),
)
Index(
    "object_versions_current",
    VERSIONS.c.tenant,
    VERSIONS.c.bucket,
    VERSIONS.c.key,
    unique=True,
    sqlite_where=VERSIONS.c.latest,
    postgresql_where=VERSIONS.c.latest,
)

UPLOADS = Table(
    "object_uploads",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", KeyBytes, nullable=False),
    Column("started", Double, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Index("object_uploads_by_key", "tenant", "bucket", "key", "id"),
)

PARTS = Table(
    "object_parts",
    METADATA,
    Column("owner", Text, primary_key=True),  # an upload's id, then the version's that it became
    Column("number", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("blob", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("md5", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("modified", Double, nullable=False),
    Index("object_parts_by_blob", "blob"),
)

EVENTS = Table(
    "object_events",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("bucket", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", KeyBytes, nullable=False),
    Column("version", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("object_events_by_age", "at"),
)
