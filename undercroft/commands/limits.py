"""`undercroft limits`: how much a tenant may ask for."""

import asyncio
from typing import Annotated, Literal

import typer

from kit.auth.directory import KeyDirectory
from kit.auth.limits import Limits
from kit.auth.repository import find_tenant
from undercroft.commands.common import DEFAULT_DATA, Data, DatabaseUrl, MasterKey, opened

app = typer.Typer(help="Set the limits of tenants.", no_args_is_help=True)
_DEFAULT = Limits()


@app.command("set")
def set_limits(
    tenant: Annotated[str, typer.Option(help="The tenant's name.")],
    requests: Annotated[
        int, typer.Option(min=1, help="Requests a minute.")
    ] = _DEFAULT.requests_per_minute,
    tokens: Annotated[
        int, typer.Option(min=1, help="Tokens a minute, in and out together.")
    ] = _DEFAULT.tokens_per_minute,
    budget: Annotated[
        float | None,
        typer.Option(min=0, help="What may be spent in a period, by the models' prices; no bound."),
    ] = None,
    period: Annotated[
        Literal["day", "month"], typer.Option(help="Of the budget, by UTC.")
    ] = _DEFAULT.period,
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key: MasterKey = None,
) -> None:
    """Hold a tenant to limits; a running platform follows within 5 seconds."""
    with opened(data, database_url, master_key) as (database, keyring):
        owner = database.read_now(find_tenant, tenant)
        directory = KeyDirectory(database, keyring)
        asyncio.run(directory.set_limits(owner.id, Limits(requests, tokens, budget, period)))
    bound = "" if budget is None else f", and {budget:g} to spend a {period}"
    typer.echo(f"{tenant}: {requests} requests and {tokens} tokens a minute{bound}")
