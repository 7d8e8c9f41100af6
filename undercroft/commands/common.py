"""What several commands need: the data folder, its database, and errors that read well."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kit.auth.keyring import Keyring
from kit.database import Database
from kit.errors import PlatformError

DEFAULT_DATA = Path(".undercroft")
Data = Annotated[
    Path, typer.Option("--data", help="The folder that `undercroft up` keeps everything in.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="Of a platform that is not embedded: postgresql+psycopg://…"),
]
MasterKey = Annotated[
    Path | None, typer.Option(help="The master key file of a platform that is not embedded.")
]
console = Console()


@contextmanager
def told() -> Iterator[None]:
    """A platform error becomes one line on stderr and the exit status 1."""
    try:
        yield
    except PlatformError as error:
        Console(file=sys.stderr).print(f"[red]{error.code}[/red]: {error.message}")
        raise typer.Exit(1) from error


@contextmanager
def opened(
    data: Path, database_url: str | None, master_key: Path | None
) -> Iterator[tuple[Database, Keyring]]:
    """The platform's database and keys, also while it runs."""
    url = database_url or f"sqlite:///{data.resolve()}/undercroft.db"
    key_file = master_key or data / "master.key"
    if not key_file.is_file():
        console.print(f"There is no platform in {data}: start one with `undercroft up`.")
        raise typer.Exit(1)
    database = Database(url, readers=1, writers=1)
    try:
        with told():
            database.create_tables()
            yield database, Keyring.load(key_file)
    finally:
        database.close()
