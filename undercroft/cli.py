"""The command line: `undercroft --help`."""

import typer

from undercroft.commands import adapters, audit, jobs, keys, limits, models, secret_files, up

app = typer.Typer(
    name="undercroft",
    help="AWS's generative-AI architectures on your own machines.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("up")(up.up)
app.command("secrets")(secret_files.make)
app.add_typer(keys.app, name="keys")
app.add_typer(limits.app, name="limits")
app.add_typer(models.app, name="models")
app.add_typer(adapters.app, name="adapters")
app.add_typer(jobs.app, name="jobs")
app.add_typer(audit.app, name="audit")
