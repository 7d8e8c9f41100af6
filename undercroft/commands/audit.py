"""`undercroft audit`: whether the audit log is whole, and what it says."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection, Row, select

from kit.auth.audit import verify_tenant
from kit.auth.audit_heads import HeadsFile
from kit.auth.audit_trail import last_entries
from kit.auth.repository import find_tenant
from kit.auth.tables import TENANTS
from undercroft.commands.common import (
    DEFAULT_DATA,
    Data,
    DatabaseUrl,
    MasterKey,
    console,
    find_place,
    opened,
)

app = typer.Typer(help="Verify and read the audit log.", no_args_is_help=True)
Heads = Annotated[
    str | None, typer.Option(help="The file of signed heads; by default in the data folder.")
]


@app.command()
def verify(
    data: Data = DEFAULT_DATA,
    heads: Heads = None,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """Check every tenant's chain; exits with 1 where an entry was changed, dropped or swapped."""
    with opened(data, database_url, master_key) as (database, keyring):
        place = find_place(data, database_url, master_key)
        file = HeadsFile(place.audit_heads if heads is None else Path(heads), keyring.audit)
        found = 0
        for tenant in database.read_now(_tenants):
            for problem in database.read_now(verify_tenant, keyring.audit, file, tenant.id):
                found += 1
                typer.echo(f"{tenant.name}: entry {problem.seq}: {problem.what}")
    if found:
        raise typer.Exit(1)
    typer.echo("every chain is whole")


@app.command("list")
def list_entries(
    tenant: Annotated[str, typer.Option(help="The tenant's name.")] = "default",
    operation: Annotated[str, typer.Option(help="Only operations with this in their name.")] = "",
    last: Annotated[int, typer.Option(min=1, help="How many entries, the newest.")] = 50,
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """Show the last entries of a tenant: who did what to which resource, and how it ended."""
    with opened(data, database_url, master_key) as (database, _):
        owner = database.read_now(find_tenant, tenant)
        table = Table("seq", "operation", "resource", "outcome", "details")
        for row in database.read_now(last_entries, owner.id, operation, last):
            table.add_row(str(row.seq), row.operation, row.resource, row.outcome, row.details)
        console.print(table)


def _tenants(connection: Connection) -> list[Row[tuple[str, str]]]:
    return list(connection.execute(select(TENANTS.c.id, TENANTS.c.name)))
