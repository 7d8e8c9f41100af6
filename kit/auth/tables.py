"""Who may call, what they used and what they did: the tables of tenants, keys and their trail."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from kit.database import METADATA

TENANTS = Table(
    "tenants",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False, unique=True),  # 12 digits, as in ARNs
    Column("created", Double, nullable=False),
)

KEYS = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, ForeignKey("tenants.id"), nullable=False),
    Column("issue", Text, nullable=False),  # the same for both keys that were made together
    Column("kind", Text, nullable=False),  # bearer | aws
    Column("public", Text, nullable=False, unique=True),  # the access key id, or a bearer's start
    Column("hash", Text, unique=True),  # HMAC(pepper, bearer key), in hex
    Column("sealed", LargeBinary),  # AES-GCM of an AWS secret, which a verifier needs in clear
    Column("scopes", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
    Column("last_used", Double),
    Index("keys_by_tenant", "tenant"),
)

TENANT_LIMITS = Table(
    "tenant_limits",
    METADATA,
    Column("tenant", Text, ForeignKey("tenants.id"), primary_key=True),
    Column("requests_per_minute", Integer, nullable=False),
    Column("tokens_per_minute", BigInteger, nullable=False),
    Column("budget", Double),  # in the platform's currency; none where there is no bound
    Column("budget_period", Text, nullable=False),  # day | month, by UTC
)

AUTH_VERSION = Table(
    "auth_version",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("version", BigInteger, nullable=False),  # grows with every change of keys or limits
)

USAGE = Table(
    "usage",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # UTC, YYYY-MM-DD
    Column("operation", Text, primary_key=True),
    Column("model", Text, primary_key=True),  # empty where none took part
    Column("adapter", Text, primary_key=True),  # its digest; empty where none took part
    Column("requests", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),  # billionths of the platform's currency
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("key", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("details", Text, nullable=False),  # canonical JSON: the chain is over these very bytes
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

AUDIT_HEADS = Table(
    "audit_heads",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
