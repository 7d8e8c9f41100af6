"""`undercroft models`: what the catalogue knows, and whether it can be served."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from kit.catalogue import DEFAULT_FOLDER, load
from services.search.engines.embeddings.preparation import ensure_exported
from undercroft.commands.common import DEFAULT_DATA, Data, console, told

app = typer.Typer(help="List the models, and prepare those that run here.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--models", help="The folder of model files.")]


@app.command("list")
def list_models(folder: Folder = DEFAULT_FOLDER) -> None:
    """List the models, each with how many names lead to it."""
    with told():
        catalogue = load(folder)
    table = Table("id", "kind", "engine", "licence", "aliases")
    for entry in catalogue.entries:
        aliases = str(len(catalogue.aliases_of(entry)))
        table.add_row(entry.id, entry.kind, entry.engine, entry.licence, aliases)
    console.print(table)


@app.command()
def show(name: str, folder: Folder = DEFAULT_FOLDER) -> None:
    """Show what serves a name: an id, an alias or an ARN."""
    with told():
        entry = load(folder).find(name)
    console.print_json(entry.model_dump_json(exclude_none=True))


@app.command()
def prepare(data: Data = DEFAULT_DATA, folder: Folder = DEFAULT_FOLDER) -> None:
    """Export the embedding models that run on ONNX, once; a server then starts at once."""
    with told():
        entries = [entry for entry in load(folder).entries if entry.engine == "onnx"]
        for entry in entries:
            with console.status(f"exporting {entry.name} (once, some ten seconds)"):
                name = entry.served_as or entry.source
                place = asyncio.run(ensure_exported(name, cache=data / "models"))
            typer.echo(f"{entry.name}: {place}")
