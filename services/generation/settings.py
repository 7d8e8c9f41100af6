"""The generation service's settings, from `GENERATION_*`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.catalogue import DEFAULT_FOLDER
from kit.settings import PlatformSettings, ServerSettings


class GenerationSettings(PlatformSettings):
    """Without `openai_base_url` only the extractive answerer serves."""

    model_config = SettingsConfigDict(env_prefix="GENERATION_")

    models: Path = DEFAULT_FOLDER
    """The folder of model files."""
    openai_base_url: HttpUrl | None = None
    """Any OpenAI-compatible server, up to and with its version: http://127.0.0.1:8001/v1."""
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None
    """The server's name of the model that takes over the AWS names of the extractive answerer."""
    openai_first_byte_timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds to wait for an answer to begin, and between its parts."""
    openai_connect_timeout: Annotated[float, Field(gt=0)] = 5.0
    openai_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """Tries of one request; a later one is made only while no byte of an answer has come."""
    openai_concurrency: Annotated[int, Field(ge=1)] = 256


class GenerationProcessSettings(GenerationSettings, ServerSettings):
    """Of the generation service as a process of its own."""

    model_config = SettingsConfigDict(env_prefix="GENERATION_")
