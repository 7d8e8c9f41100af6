"""`undercroft adapters`: a tenant's LoRA adapters on a running platform, through its REST API."""

import json
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.table import Table

from kit.auth.repository import find_tenant
from kit.errors import Conflict, InvalidRequest, NotFound
from services.generation.repository.adapters.sharing import Allowance, set_quota
from undercroft.commands.common import (
    DEFAULT_DATA,
    Data,
    DatabaseUrl,
    MasterKey,
    console,
    opened,
    told,
)
from undercroft.rest import Reached, ask

app = typer.Typer(help="Register, name, grant and remove LoRA adapters.", no_args_is_help=True)
Digest = Annotated[str, typer.Argument(help="The adapter's SHA-256, with or without `sha256:`.")]
Name = Annotated[str, typer.Argument(help="The adapter's name.")]
_FILES = ("adapter_config.json", "adapter_model.safetensors")
_PICKLED = "adapter_model.bin"


@app.command()
def add(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, an archive, s3://BUCKET/KEY, folder:NAME or hub:OWNER/NAME@REVISION."
        ),
    ],
    base: Annotated[str, typer.Option(help="The base model that it was trained on.")],
    name: Annotated[str | None, typer.Option(help="The name to give it.")] = None,
    member: Annotated[
        str | None, typer.Option(help="Which adapter, where an archive holds several.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for its checks.")] = True,
    data: Reached = DEFAULT_DATA,
) -> None:
    """Register an adapter."""
    with told():
        given = {"base": base, "name": name, "member": member}
        wishes = {wish: value for wish, value in given.items() if value}
        if named := _named(source):
            made = ask(data, "POST", "/adapters", body={"source": named, **wishes})
        else:
            with _archive(Path(source)) as file:
                made = ask(data, "POST", "/adapters/upload", query=wishes, file=file)
        while wait and made["state"] == "checking":
            time.sleep(0.2)
            made = ask(data, "GET", f"/adapters/{made['digest']}")
        if made["state"] == "refused":
            raise Conflict(f"The adapter was refused: {'; '.join(made['reasons'])}")
    typer.echo(f"sha256:{made['digest']} {made['state']}")


@app.command("list")
def list_adapters(data: Reached = DEFAULT_DATA) -> None:
    """List one's own adapters, and those that others grant."""
    with told():
        found = ask(data, "GET", "/adapters")
    table = Table("digest", "names", "base", "rank", "bytes", "state", "source")
    for one in found["items"]:
        names = ", ".join(f"{n['component']}/{n['name']}".lstrip("/") for n in one["names"])
        row = (one["digest"], names, one["base"], str(one["rank"]), str(one["size"]))
        table.add_row(*row, one["state"], one["source"])
    console.print(table)


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="The adapter's SHA-256, or a name of it.")],
    data: Reached = DEFAULT_DATA,
) -> None:
    """Show an adapter, its checks, and why it was refused."""
    with told():
        digest = _hex(what) if _is_digest(what) else _led_to(data, what)
        console.print_json(json.dumps(ask(data, "GET", f"/adapters/{digest}")))


@app.command()
def alias(name: Name, digest: Digest, data: Reached = DEFAULT_DATA) -> None:
    """Make a name lead to an adapter."""
    with told():
        moved = ask(data, "PUT", f"/adapters/aliases/{name}", body={"digest": _hex(digest)})
    typer.echo(f"{name} -> sha256:{moved['digest']} (version {moved['version']})")


@app.command()
def rollback(
    name: Name,
    version: Annotated[int | None, typer.Option(help="A version of the name's history.")] = None,
    data: Reached = DEFAULT_DATA,
) -> None:
    """Make a name lead to what it led to before."""
    with told():
        moved = ask(data, "POST", f"/adapters/aliases/{name}/rollback", body={"version": version})
    typer.echo(f"{name} -> sha256:{moved['digest']} (version {moved['version']})")


@app.command()
def history(name: Name, data: Reached = DEFAULT_DATA) -> None:
    """Show what a name has led to."""
    with told():
        console.print_json(json.dumps(ask(data, "GET", f"/adapters/aliases/{name}/history")))


@app.command()
def grant(
    digest: Digest,
    account: Annotated[str, typer.Argument(help="The other tenant's account number.")],
    revoke: Annotated[bool, typer.Option(help="Take the grant back.")] = False,
    data: Reached = DEFAULT_DATA,
) -> None:
    """Let another tenant use an adapter."""
    with told():
        path = f"/adapters/{_hex(digest)}/grants/{account}"
        left = ask(data, "DELETE" if revoke else "PUT", path)
    typer.echo(f"granted to: {', '.join(left['accounts']) or 'nobody'}")


@app.command()
def pin(
    digest: Digest,
    undo: Annotated[bool, typer.Option("--undo", help="Let it go again.")] = False,
    data: Reached = DEFAULT_DATA,
) -> None:
    """Keep an adapter loaded on every server of its base."""
    with told():
        ask(data, "DELETE" if undo else "PUT", f"/adapters/{_hex(digest)}/pin")
    typer.echo(f"{'unpinned' if undo else 'pinned'} sha256:{_hex(digest)}")


@app.command("rm")
def remove(
    what: Annotated[str, typer.Argument(help="An adapter's SHA-256, or a name to forget.")],
    data: Reached = DEFAULT_DATA,
) -> None:
    """Delete an adapter with all its names, or only a name."""
    with told():
        path = _hex(what) if _is_digest(what) else f"aliases/{what}"
        ask(data, "DELETE", f"/adapters/{path}")
    typer.echo(f"removed {what}")


@app.command("quota")
def quota(
    tenant: Annotated[str, typer.Option(help="The tenant's name.")],
    adapters: Annotated[int, typer.Option(min=0, help="Adapters that it may keep.")],
    size: Annotated[int, typer.Option("--bytes", min=0, help="Bytes that they may take.")],
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """Say what a tenant may keep; for the operator."""
    with opened(data, database_url, master_key) as (database, _):
        owner = database.read_now(find_tenant, tenant)
        database.write_now(set_quota, owner.id, Allowance(adapters, size))
    typer.echo(f"{tenant}: {adapters} adapters and {size} bytes")


def _named(source: str) -> dict[str, str] | None:
    """A source that the platform fetches itself; None for a path on this machine."""
    kind, _, rest = source.partition(":")
    if kind == "s3":
        return {"type": "object", "uri": source}
    if kind == "folder":
        return {"type": "folder", "name": rest}
    if kind == "hub":
        repository, _, revision = rest.partition("@")
        return {"type": "hub", "repository": repository, "revision": revision or "main"}
    return None


@contextmanager
def _archive(path: Path) -> Iterator[IO[bytes]]:
    """A file as it is; a folder as a tar of its two files."""
    if path.is_file():
        with path.open("rb") as file:
            yield file
        return
    if not path.exists():
        raise NotFound(
            f"There is nothing at {path}: name a folder or an archive of this machine, or "
            "s3://BUCKET/KEY, folder:NAME or hub:OWNER/NAME@REVISION."
        )
    missing = [name for name in _FILES if not (path / name).is_file()]
    if (path / _PICKLED).is_file() and missing:
        raise InvalidRequest(
            f"{path / _PICKLED} is a pickle, and loading it would run code: save the adapter again "
            "with safe_serialization=True."
        )
    if missing:
        raise InvalidRequest(f"{path} lacks {' and '.join(missing)}.")
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name in _FILES:
                tar.add(path / name, arcname=name)
        packed.seek(0)
        yield packed


def _is_digest(what: str) -> bool:
    return what.startswith("sha256:") or len(what) == 64  # a name has 63 characters at most


def _led_to(data: Path, name: str) -> str:
    aliases = ask(data, "GET", "/adapters/aliases")["items"]
    found = [str(one["digest"]) for one in aliases if one["name"] == name]
    if not found:
        raise NotFound(f"There is no adapter alias {name}.")
    return found[0]


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
