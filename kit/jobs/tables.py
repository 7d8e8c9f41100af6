"""The rows of jobs: the only truth about them; messages and memory are hints."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    false,
    literal_column,
)

from kit.database import METADATA

_COUNTER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up only for INTEGER

jobs = Table(
    "jobs",
    METADATA,
    Column("id", String, primary_key=True),  # uuid7: sorts by time of accepting
    Column("tenant", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("idem_key", String, nullable=False),
    Column("req_hash", String, nullable=False),
    Column("state", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("crash_count", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False),
    Column("quarantined", Boolean, nullable=False, server_default=false()),
    Column("owner", String),
    Column("lease_until", Double),
    Column("run_at", Double, nullable=False),
    Column("dispatched_at", Double),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("input", JSON, nullable=False),
    Column("checkpoint", JSON, nullable=False, server_default="{}"),
    Column("progress", JSON(none_as_null=True)),
    Column("result", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    UniqueConstraint("tenant", "idem_key"),
)
"""`epoch` counts claims and fences every write, `attempts` counts ends with an error,
`crash_count` ends without a word; `dispatched_at` is when a message last went out for it."""

IS_QUEUED = jobs.c.state == literal_column("'queued'")
IS_RUNNING = jobs.c.state == literal_column("'running'")
IS_SENT = and_(IS_QUEUED, jobs.c.dispatched_at.is_not(None))
"""Written as literals: no database sees that a bound parameter matches a partial index."""

Index(
    "jobs_queued",
    jobs.c.tenant,
    jobs.c.quarantined,
    jobs.c.priority.desc(),
    jobs.c.run_at,
    jobs.c.id,
    sqlite_where=IS_QUEUED,
    postgresql_where=IS_QUEUED,
)
Index(
    "jobs_running",
    jobs.c.tenant,
    jobs.c.lease_until,
    sqlite_where=IS_RUNNING,
    postgresql_where=IS_RUNNING,
)
Index(
    "jobs_sent",
    jobs.c.tenant,
    jobs.c.dispatched_at,
    sqlite_where=IS_SENT,
    postgresql_where=IS_SENT,
)
Index("jobs_of_tenant", jobs.c.tenant, jobs.c.id)

job_effects = Table(
    "job_effects",
    METADATA,
    Column("job_id", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("output", JSON, nullable=False),
)
"""What `JobContext.once` has committed; the primary key is what makes it once."""

job_events = Table(
    "job_events",
    METADATA,
    Column("seq", _COUNTER, primary_key=True, autoincrement=True),
    Column("job_id", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("event", String, nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Double, nullable=False),
    Index("job_events_of_job", "job_id", "seq"),
)
"""`seq` rises within a job, since each is written under its job's row lock; it has gaps, where
progress and waits made room for what came after them."""
