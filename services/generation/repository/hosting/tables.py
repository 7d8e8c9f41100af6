"""The one table of hosting; what runs is what these rows say."""

from sqlalchemy import JSON, Column, Double, Index, String, Table, Text

from kit.database import METADATA

resources = Table(
    "generation_hosting",
    METADATA,
    Column("tenant", String, primary_key=True),
    # Beside those of the wire: `variant`, a model that an endpoint's variant runs by itself.
    Column("kind", String(24), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("endpoint", String(63), nullable=False),  # of variants and inference components
    Column("variant", String(63), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", JSON, nullable=False),  # what deploying has found out and done so far
    Column("account", String(12), nullable=False),
    Column("key", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("revision", String(36), nullable=False),  # a new one with each change of what is wanted
    Index("generation_hosting_of_endpoint", "tenant", "endpoint"),
    Index("generation_hosting_status", "status"),
)

leases = Table(
    "generation_hosting_leases",
    METADATA,
    Column("work", String(24), primary_key=True),
    Column("owner", String(36), nullable=False),
    Column("until", Double, nullable=False),
)
"""Which of several processes does a work that only one may do."""
