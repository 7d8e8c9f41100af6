"""The base of every process's settings: frozen, from the environment and from secret files."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_FOLDER = Path("/run/secrets")


class PlatformSettings(BaseSettings):
    """Subclass with `env_prefix`; built once, in the composition root, and passed down."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        secrets_dir=str(SECRETS_FOLDER) if SECRETS_FOLDER.is_dir() else None,
    )
