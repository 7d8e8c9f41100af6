"""`undercroft secrets`: the secrets of a platform in containers, as files."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from kit.auth.keyring import MASTER_BYTES
from kit.errors import Conflict
from undercroft.commands.common import told

_NO_KEY = "unset"
"""Of an OpenAI-compatible server that asks for none; an engine refuses an empty secret."""


def make(
    folder: Annotated[Path, typer.Argument(help="A new folder; keep a copy of it elsewhere.")],
    openai_key: Annotated[
        str, typer.Option(help="The key of your OpenAI-compatible server.")
    ] = _NO_KEY,
) -> None:
    """Make the secrets that docker-compose.yml mounts. Without them nothing can be read again."""
    with told():
        if folder.exists():
            raise Conflict(f"{folder} exists; a platform may depend on what is in it.")
        # Containers run as other users than yours: they may read the files, which are mounted one
        # by one, but nobody else on this machine gets through the folder.
        folder.mkdir(mode=0o700, parents=True)
        for name, text in secret_files(openai_key).items():
            file = folder / name
            file.write_text(text, "ascii")
            file.chmod(0o444)
    typer.echo(f"{folder}: keep a copy; the master secret opens every stored key")


def secret_files(openai_key: str = _NO_KEY) -> dict[str, str]:
    """File names and their texts, all of them new."""
    postgres, redis, qdrant = (secrets.token_urlsafe(32) for _ in range(3))
    return {
        "master_key": secrets.token_hex(MASTER_BYTES),
        "postgres_password": postgres,
        "database_url": f"postgresql+psycopg://undercroft:{postgres}@postgres:5432/undercroft",
        "redis.conf": f"requirepass {redis}\n",
        "redis_url": f"redis://:{redis}@redis:6379/0",
        "qdrant_api_key": qdrant,
        "qdrant.yaml": f"service:\n  api_key: {qdrant}\n",
        "openai_api_key": openai_key,
    }
