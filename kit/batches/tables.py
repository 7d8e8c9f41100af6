"""The tables of batches: many requests in one job, and the answers that they have had so far."""

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
    UniqueConstraint,
)

from kit.database import METADATA

BATCHES = Table(
    "batches",
    METADATA,
    Column("job", Text, primary_key=True),  # the job's id, which sorts by time of making
    Column("id", Text, nullable=False),  # in its wire's own form
    Column("tenant", Text, nullable=False),
    Column("wire", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("asked", JSON, nullable=False),  # what its wire needs to run it and to tell of it
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("begun_at", Double),
    Column("finalizing_at", Double),
    Column("cancelling_at", Double),
    Column("ended_at", Double),
    Column("outcome", Text),  # completed, failed, expired or cancelled; None before its end
    Column("total", Integer),  # None until its input was read
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("told", JSON, nullable=False),  # outputs and errors, as its wire puts them
    UniqueConstraint("tenant", "wire", "id"),
    Index("batches_by_tenant", "tenant", "wire", "job"),
)

ANSWERS = Table(
    "batch_answers",
    METADATA,
    Column("job", Text, primary_key=True),
    Column("source", Integer, primary_key=True),  # which of the inputs
    Column("line", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("output", LargeBinary, nullable=False),
)
"""Each is a line of an output, until the outputs are whole."""
