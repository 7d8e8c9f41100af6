"""`undercroft keys`: credentials of tenants."""

import asyncio
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated

import typer
from rich.table import Table

from kit.auth.directory import KeyDirectory
from kit.auth.repository import IssuedKeys, KeyInfo, find_tenant
from kit.auth.scopes import FULL_ACCESS, Scope
from undercroft.commands.common import (
    DEFAULT_DATA,
    Data,
    DatabaseUrl,
    MasterKey,
    console,
    opened,
)

app = typer.Typer(help="Make, list and revoke the keys of tenants.", no_args_is_help=True)
Tenant = Annotated[str, typer.Option(help="The tenant's name.")]
_DAY = 86_400.0


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="The tenant's name; made on first sight.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What the keys may do, `service:Operation@resource`, such as `s3:Get*` or "
            "`s3:*@arn:aws:s3:::docs/*`; without @ on every resource. Repeatable; all when "
            "left out."
        ),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until the keys expire.")] = None,
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """Print a bearer key and an AWS key pair. They are shown only now."""
    scopes = [_scope(text) for text in scope or []] or [FULL_ACCESS]
    with opened(data, database_url, master_key) as (database, keyring):
        directory = KeyDirectory(database, keyring)

        async def issue() -> IssuedKeys:
            lifetime = None if days is None else days * _DAY
            owner = await directory.create_tenant(tenant)
            return await directory.create_keys(owner, scopes, lifetime)

        issued = asyncio.run(issue())
    for name, value in credentials(issued).items():
        typer.echo(f"{name}={value}")


@app.command("list")
def list_keys(
    tenant: Tenant,
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """List a tenant's keys, without their secrets; those of one issue were made together."""
    with opened(data, database_url, master_key) as (database, keyring):
        directory = KeyDirectory(database, keyring)

        async def find() -> list[KeyInfo]:
            return await directory.list(database.read_now(find_tenant, tenant).id)

        table = Table("id", "issue", "kind", "key", "revoked")
        for key in asyncio.run(find()):
            table.add_row(key.id, key.issue, key.kind, key.public, "yes" if key.revoked else "")
        console.print(table)


@app.command()
def revoke(
    tenant: Tenant,
    key: Annotated[str, typer.Argument(help="An id, an access key id or a shown part.")],
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """Revoke a key and the one made with it; a running platform refuses them within 5 seconds."""
    with opened(data, database_url, master_key) as (database, keyring):
        directory = KeyDirectory(database, keyring)

        async def run() -> None:
            await directory.revoke(database.read_now(find_tenant, tenant).id, key)

        asyncio.run(run())
    typer.echo(f"revoked {key}")


def credentials(issued: IssuedKeys) -> dict[str, str]:
    """As the environment variables that the SDKs read."""
    return {
        "AWS_ACCESS_KEY_ID": issued.access_key_id,
        "AWS_SECRET_ACCESS_KEY": issued.secret_access_key,
        "OPENAI_API_KEY": issued.bearer,
    }


def _scope(text: str) -> Scope:
    """Raises BadParameter for a scope that would open nothing."""
    # Only here: the other commands start without the doors.
    from gateway.operations import operation_names  # noqa: PLC0415

    operation, _, resource = text.partition("@")
    scope = Scope(operation, resource or "*")
    names = sorted(operation_names())
    if not any(fnmatchcase(name, operation) for name in names):
        raise typer.BadParameter(
            f"No operation is named {operation!r}.{_hint(operation, names)}", param_hint="--scope"
        )
    return scope


def _hint(operation: str, names: list[str]) -> str:
    """The names of that operation in other services, else those that are spelt alike."""
    own = operation.partition(":")[2].lower()
    close = [name for name in names if name.partition(":")[2].lower() == own]
    close = close or get_close_matches(operation, names)
    return f" Did you mean {' or '.join(close)}?" if close else f" Services: {_services(names)}."


def _services(names: list[str]) -> str:
    return ", ".join(sorted({name.partition(":")[0] for name in names}))
