"""`undercroft jobs`: long work on a running platform, through its REST API."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from undercroft.commands.common import DEFAULT_DATA, console, told
from undercroft.rest import Reached, ask, events

app = typer.Typer(help="List, watch, stop and retry jobs.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.command("list")
def list_jobs(
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind.")] = None,
    data: Reached = DEFAULT_DATA,
) -> None:
    """List the newest jobs."""
    wanted = {name: value for name, value in (("state", state), ("kind", kind)) if value}
    answer = _ask(data, "GET", "", wanted)
    table = Table("id", "kind", "state", "attempts", "created", "error")
    for job in answer["items"]:
        created = datetime.fromtimestamp(job["created_at"], UTC).isoformat(timespec="seconds")
        error = (job["error"] or {}).get("message", "")
        table.add_row(job["id"], job["kind"], job["state"], str(job["attempts"]), created, error)
    console.print(table)


@app.command()
def show(job: JobId, data: Reached = DEFAULT_DATA) -> None:
    """Show one job."""
    console.print_json(json.dumps(_ask(data, "GET", f"/{job}")))


@app.command()
def cancel(job: JobId, data: Reached = DEFAULT_DATA) -> None:
    """Stop a job."""
    typer.echo(_ask(data, "POST", f"/{job}/cancel")["state"])


@app.command()
def retry(job: JobId, data: Reached = DEFAULT_DATA) -> None:
    """Queue a failed or dead job again."""
    typer.echo(_ask(data, "POST", f"/{job}/retry")["state"])


@app.command()
def watch(job: JobId, data: Reached = DEFAULT_DATA) -> None:
    """Follow a job's progress until it ends."""

    async def follow() -> None:
        with Progress(console=console) as progress:
            task = progress.add_task(job, total=None)
            async for event in events(data, f"/jobs/{job}/events"):
                if event["event"] == "progress":
                    told = event["data"]
                    progress.update(task, completed=told["done"], total=told["total"] or None)
                else:
                    progress.console.print(event["event"])

    with told():
        asyncio.run(follow())


def _ask(data: Path, method: str, path: str, query: dict[str, str] | None = None) -> Any:
    with told():
        return ask(data, method, f"/jobs{path}", query=query)
