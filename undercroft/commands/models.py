"""`undercroft models`: what the catalogue knows, and whether it can be served."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from contracts.generation.models import ModelCard
from kit.catalogue import DEFAULT_FOLDER, Catalogue, ModelEntry, load, model_id
from kit.errors import InvalidRequest, NotFound, PermissionDenied, Unavailable, Unsupported
from kit.model_folder import Checked, check
from services.search.engines.embeddings.preparation import ensure_exported
from undercroft.commands.common import DEFAULT_DATA, Data, console, told
from undercroft.rest import Reached, ask

app = typer.Typer(help="List the models, and prepare those that run here.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--models", help="The folder of model files.")]


@app.command("list")
def list_models(data: Reached = DEFAULT_DATA, folder: Folder = DEFAULT_FOLDER) -> None:
    """List the models, whether they are here, and how many names lead to each."""
    with told():
        catalogue = load(folder)
        served = _served(data)
    table = Table("id", "kind", "engine", "state", "licence", "names")
    for one in served:
        names = str(1 + len(one.aliases))
        table.add_row(one.id, one.kind, one.engine, one.state, one.licence, names)
    for entry in catalogue.entries:
        if entry.id not in {one.id for one in served}:
            names = str(1 + len(catalogue.aliases_of(entry)))
            state = _state(entry, data)
            table.add_row(entry.id, entry.kind, entry.engine, state, entry.licence, names)
    console.print(table)


@app.command()
def show(name: str, data: Reached = DEFAULT_DATA, folder: Folder = DEFAULT_FOLDER) -> None:
    """Show the model behind a name: an id, an alias or an ARN.

    As the platform serves it; where none runs, as the model files say.
    """
    with told():
        bare = model_id(name)
        for one in _served(data):
            if bare in (one.id, *one.aliases):
                console.print_json(one.model_dump_json(exclude_defaults=True))
                return
        catalogue = load(folder)
        entry = catalogue.owner(name) or catalogue.find(name)
    console.print_json(entry.model_dump_json(exclude_defaults=True))
    if not entry.is_here:
        console.print(f"Its weights are not here: `undercroft models pull {entry.id}`.")
        with suppress(NotFound):
            console.print(f"{catalogue.find(name).id} answers to {name} meanwhile.")


@app.command()
def pull(
    name: str,
    data: Data = DEFAULT_DATA,
    folder: Folder = DEFAULT_FOLDER,
    accept_eula: Annotated[
        bool, typer.Option("--accept-eula", help="You have read the model's terms and accept them.")
    ] = False,
) -> None:
    """Download a model that vLLM serves, as safetensors, and check every file."""
    with told():
        entry = _vllm_model(load(folder), name)
        if entry.eula and not accept_eula:
            raise PermissionDenied(
                f"{entry.name} has terms of use: read {entry.eula}, then add --accept-eula."
            )
        place = _place(entry, data)
        if not place.is_dir():
            _fetch(entry.source, place)
        _report(entry, place, check(place, context=entry.context))
    typer.echo(f"serve it: undercroft up --model {entry.id}={place}")


@app.command("check")
def check_model(
    name: str,
    place: Annotated[
        Path | None, typer.Argument(help="Its folder; where `pull` puts it if not given.")
    ] = None,
    data: Data = DEFAULT_DATA,
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Say whether a model's folder can be served, and what is wrong with it."""
    with told():
        catalogue = load(folder)
        if place is not None and not place.is_dir():
            raise NotFound(f"There is no folder {place}.")
        entry = catalogue.owner(name)
        if entry is None and place is None:
            catalogue.find(name)  # tells which names there are
        here = place or _place(_vllm_model(catalogue, name), data)
        if not here.is_dir():
            raise NotFound(f"{here} is not there: `undercroft models pull {name}` downloads it.")
        _report(entry, here, check(here, context=entry.context if entry else None))


def _served(data: Path) -> list[ModelCard]:
    """What the platform serves to the tenant of its key; nothing where none runs."""
    try:
        return [ModelCard.model_validate(one) for one in ask(data, "GET", "/models")]
    except Unavailable:
        return []


def _vllm_model(catalogue: Catalogue, name: str) -> ModelEntry:
    entry = catalogue.owner(name) or catalogue.find(name)
    if entry.engine != "vllm":
        raise InvalidRequest(f"{entry.name} runs on {entry.engine!r} and has no weights to pull.")
    return entry


def _place(entry: ModelEntry, data: Path) -> Path:
    return data / "weights" / entry.id.replace(":", "-")


def _state(entry: ModelEntry, data: Path) -> str:
    if entry.is_here:
        return "here"
    return "pulled" if _place(entry, data).is_dir() else "not here"


def _fetch(source: str, place: Path) -> None:
    try:
        # Only this command reaches a hub, and other installations lack its library.
        from integrations.huggingface.hub import Hub  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"Downloading needs a library that is not installed ({error.name}): install "
            "`undercroft[export]`, or copy the folder here yourself."
        ) from error
    hub = Hub()
    snapshot = hub.look(source)
    console.print(f"{source}: {len(snapshot.files)} files, {snapshot.size / 1e9:.2f} GB")
    hub.pull(snapshot, place)


def _report(entry: ModelEntry | None, place: Path, found: Checked) -> None:
    """Raises InvalidRequest for a model that cannot be served."""
    licence = f", {entry.licence}" if entry else ""
    console.print(
        f"{place}: {found.architecture}, {found.parameters:,} parameters, "
        f"{found.size / 1e9:.2f} GB, {found.context} tokens{licence}",
        soft_wrap=True,
    )
    for remark in found.remarks:
        console.print(f"  note: {remark}", soft_wrap=True)
    if found.problems:
        raise InvalidRequest(f"It cannot be served: {'; '.join(found.problems)}.")


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
