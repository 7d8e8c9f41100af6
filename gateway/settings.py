"""The gateway's settings, from `GATEWAY_*`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.catalogue import DEFAULT_FOLDER
from kit.settings import PlatformSettings


class GatewaySettings(PlatformSettings):
    """Of the gateway as a process of its own; the embedded mode composes it directly."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    database_url: SecretStr
    """SQLAlchemy's form: `postgresql+psycopg://user:password@host/database`."""
    redis_url: SecretStr | None = None
    """Limits are held here for all gateways together; without it each holds its own."""
    broker_url: SecretStr | None = None
    """Where workers are woken; without it they look for themselves, every second."""
    master_key_file: Path = Path("/run/secrets/master_key")
    """Every key of the platform is derived from this file's secret."""
    objects: Path = Path("/data/objects")
    audit_heads: Path = Path("/audit/heads")
    """The signed ends of the audit chains; on another volume than the database's."""
    search_url: str = "http://search:8000"
    generation_url: str = "http://generation:8000"
    models: Path = DEFAULT_FOLDER
    host: str = "0.0.0.0"  # noqa: S104 - in a container; compose publishes the port
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
