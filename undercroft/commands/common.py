"""What several commands need: the data folder, its database, and errors that read well."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from rich.console import Console
from rich.markup import escape

from kit.auth.keyring import Keyring
from kit.database import Database
from kit.errors import PlatformError
from kit.process import PRIVATE
from kit.settings import MASTER_KEY, PlatformSettings

DEFAULT_DATA = Path(".undercroft")
Data = Annotated[
    Path, typer.Option("--data", help="The folder that `undercroft up` keeps everything in.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="Of a platform that is not embedded; by default GATEWAY_DATABASE_URL."),
]
MasterKey = Annotated[
    Path | None, typer.Option(help="The master key file of a platform that is not embedded.")
]
_PIPED_WIDTH = 400  # what reads a pipe wants whole ids, not the 80 columns of no terminal
console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)


@contextmanager
def told() -> Iterator[None]:
    """A platform error becomes one line on stderr and the exit status 1."""
    try:
        yield
    except PlatformError as error:
        line = f"[red]{error.code}[/red]: {escape(error.message)}"
        Console(file=sys.stderr).print(line, soft_wrap=True)
        raise typer.Exit(1) from error


class GatewayEnvironment(PlatformSettings):
    """What a gateway's container knows of its platform, so that commands in it need no options."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    database_url: SecretStr | None = None
    master_key_file: Path = MASTER_KEY
    audit_heads: Path = Path("/audit/heads")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a platform keeps what commands read."""

    database_url: str
    master_key: Path
    audit_heads: Path


def find_place(data: Path, database_url: str | None, master_key: Path | None) -> Place:
    """Options come first; then the environment of a gateway, unless a data folder was named."""
    around = GatewayEnvironment()
    url = around.database_url
    if database_url is None and (url is None or data != DEFAULT_DATA):
        sqlite = f"sqlite:///{data.resolve()}/undercroft.db"
        return Place(sqlite, master_key or data / "master.key", data / "audit.heads")
    given = database_url or (url.get_secret_value() if url else "")
    return Place(given, master_key or around.master_key_file, around.audit_heads)


@contextmanager
def opened(
    data: Path, database_url: str | None, master_key: Path | None
) -> Iterator[tuple[Database, Keyring]]:
    """The platform's database and keys, also while it runs."""
    place = find_place(data, database_url, master_key)
    if place.database_url.startswith("sqlite") and not place.master_key.is_file():
        console.print(f"There is no platform in {data}: start one with `undercroft up`.")
        raise typer.Exit(1)
    os.umask(PRIVATE)  # opening a database makes files
    database = Database(place.database_url, readers=1, writers=1)
    try:
        with told():
            database.create_tables()
            yield database, Keyring.load(place.master_key)
    finally:
        database.close()
