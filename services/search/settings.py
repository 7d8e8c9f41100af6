"""The search service's settings, from `SEARCH_*`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.catalogue import DEFAULT_FOLDER
from kit.settings import ObjectsSettings, PlatformSettings, ServerSettings


class SearchSettings(PlatformSettings):
    """`folder` holds the index and the exported models; the default suits the embedded mode."""

    model_config = SettingsConfigDict(env_prefix="SEARCH_")

    folder: Path = Path(".undercroft/search")
    exported_models: Path = Path(".undercroft/models")
    """Where exported embedding models are cached."""
    models: Path = DEFAULT_FOLDER
    """The folder of model files."""
    index: Literal["qdrant_edge", "qdrant"] = "qdrant_edge"
    qdrant_url: str = "http://qdrant:6333"
    qdrant_api_key: SecretStr | None = None
    embedding_threads: Annotated[int, Field(ge=1)] | None = None
    """None takes every core that this process may run on."""
    largest_document: Annotated[int, Field(ge=1)] = 50_000_000
    """Bytes; AWS's own limit."""


class SearchProcessSettings(SearchSettings, ObjectsSettings, ServerSettings):
    """Of the search service as a process of its own."""

    model_config = SettingsConfigDict(env_prefix="SEARCH_")

    database_url: SecretStr
    """SQLAlchemy's form: `postgresql+psycopg://user:password@host/database`."""
    broker_url: SecretStr | None = None
    """Where workers are woken; without it they look for themselves, every second."""
    audit_heads: Path = Path("/audit/heads")
    """The signed ends of the audit chains; on another volume than the database's."""
    generation_url: str = "http://generation:8000"
