"""The base of every process's settings: frozen, from the environment and from secret files."""

import re
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kit.errors import InvalidRequest

SECRETS_FOLDER = Path("/run/secrets")
MASTER_KEY = SECRETS_FOLDER / "master_key"
"""Every key of the platform is derived from the secret in this file."""
_IN_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\w./-]*\w/?", re.ASCII)


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


def _place(text: str) -> str:
    if text.startswith("s3:") and not _IN_S3.fullmatch(text):
        raise ValueError(
            "A place in S3 is s3://BUCKET/PREFIX, with a prefix that nothing else uses"
        )
    return text


class ObjectsSettings(PlatformSettings):
    """Where the bytes of objects are, the same for every process of a platform."""

    objects: Annotated[str, AfterValidator(_place)] = "/data/objects"
    """A folder that the processes share, or `s3://BUCKET/PREFIX`, which lets them run anywhere."""
    objects_endpoint: HttpUrl | None = None
    """Of an S3 that is not AWS's own."""
    objects_region: str = "us-east-1"
    objects_access_key_id: SecretStr | None = None
    """Without a key, boto3 finds one in its own places: a profile, or the role of the machine."""
    objects_secret_access_key: SecretStr | None = None

    @model_validator(mode="after")
    def _both_halves_of_a_key(self) -> Self:
        if (self.objects_access_key_id is None) != (self.objects_secret_access_key is None):
            raise ValueError("OBJECTS_ACCESS_KEY_ID and OBJECTS_SECRET_ACCESS_KEY go together")
        return self


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
