"""The gateway's settings, from `GATEWAY_*`."""

from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.catalogue import DEFAULT_FOLDER
from kit.settings import ObjectsSettings, ServerSettings


class GatewaySettings(ObjectsSettings, ServerSettings):
    """Of the gateway as a process of its own; the embedded mode composes it directly."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    database_url: SecretStr
    """SQLAlchemy's form: `postgresql+psycopg://user:password@host/database`."""
    redis_url: SecretStr | None = None
    """Limits are held here for all gateways together; without it each holds its own."""
    broker_url: SecretStr | None = None
    """Where workers are woken; without it they look for themselves, every second."""
    audit_heads: Path = Path("/audit/heads")
    """The signed ends of the audit chains; on another volume than the database's."""
    search_url: str = "http://search:8000"
    generation_url: str = "http://generation:8000"
    models: Path = DEFAULT_FOLDER
    """The folder of model files."""
    replicas: dict[str, tuple[HttpUrl, ...]] = Field(default_factory=dict)
    """The generation service's `GENERATION_REPLICAS`, for the lists of models."""
    openai_model: str | None = None
    """The generation service's `GENERATION_OPENAI_MODEL`, for the lists of models."""
