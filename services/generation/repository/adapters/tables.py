"""The tables of the adapter registry; what may be used is what these rows say."""

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, String, Table

from kit.database import METADATA

contents = Table(
    "generation_adapter_contents",
    METADATA,
    # One row per folder of weights, whoever owns them; its lock orders placing and removing.
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("condemned_at", Double),  # nobody's since then; the folder goes after a while
)

adapters = Table(
    "generation_adapters",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("base", String, nullable=False),  # the catalogue's id
    Column("rank", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("source", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("checks", JSON, nullable=False),
    Column("wanted", JSON, nullable=False),  # [component, name]s that move to it when it is ready
    Column("job", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("generation_adapters_of_digest", "digest"),
)

aliases = Table(
    "generation_adapter_aliases",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("component", String, primary_key=True),  # empty: the tenant's own namespace
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),  # the tenant, or the one that grants the adapter
    Column("digest", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("generation_adapter_aliases_of_digest", "owner", "digest"),
)

moves = Table(
    "generation_adapter_moves",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("component", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("owner", String),
    Column("digest", String(64)),  # None: the name was deleted
    Column("key", String, nullable=False),
    Column("at", Double, nullable=False),
)

grants = Table(
    "generation_adapter_grants",
    METADATA,
    Column("tenant", String, primary_key=True),  # who grants
    Column("digest", String(64), primary_key=True),
    Column("account", String(12), primary_key=True),  # who may use it
    Column("created_at", Double, nullable=False),
    Index("generation_adapter_grants_of_account", "account", "digest"),
)

pins = Table(
    "generation_adapter_pins",
    METADATA,
    # Adapters that stay loaded on every replica of their base.
    Column("tenant", String, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("created_at", Double, nullable=False),
)

quotas = Table(
    "generation_adapter_quotas",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("adapters", Integer),  # None: the platform's default
    Column("bytes", BigInteger),
)
