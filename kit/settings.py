"""The base of every process's settings: frozen, from the environment and from secret files."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kit.errors import InvalidRequest

SECRETS_FOLDER = Path("/run/secrets")
MASTER_KEY = SECRETS_FOLDER / "master_key"
"""Every key of the platform is derived from the secret in this file."""


class PlatformSettings(BaseSettings):
    """Subclass with `env_prefix`; built once, in the composition root, and passed down."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        secrets_dir=str(SECRETS_FOLDER) if SECRETS_FOLDER.is_dir() else None,
    )


class ServerSettings(PlatformSettings):
    """Of a process that listens."""

    master_key_file: Path = MASTER_KEY
    host: str = "0.0.0.0"  # noqa: S104 - in a container, whose networks say who gets here
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    drain: Annotated[int, Field(ge=1)] = 20
    """Seconds that requests under way may take to end after SIGTERM."""


S = TypeVar("S", bound=PlatformSettings)


def settings_of(kind: type[S]) -> S:
    """Raises InvalidRequest that names each variable at fault, and never shows a value."""
    prefix = kind.model_config.get("env_prefix", "")
    try:
        return kind()
    except ValidationError as error:
        faults = "; ".join(
            f"{prefix}{'.'.join(map(str, fault['loc']))}".upper() + f": {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise InvalidRequest(
            f"{faults}. Set it in the environment, or as a file of that name in lower case "
            f"in {SECRETS_FOLDER}."
        ) from None  # the cause would show what was given
