"""The table of uploaded files; their bytes are objects in a bucket that only this package opens."""

from sqlalchemy import BigInteger, Column, Double, Index, Table, Text

from kit.database import METADATA

FILES = Table(
    "files",
    METADATA,
    Column("id", Text, primary_key=True),  # sorts by time of making
    Column("tenant", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("bytes", BigInteger),  # None while they are on their way
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Index("files_by_tenant", "tenant", "id"),
    Index("files_by_expiry", "expires_at"),
)
