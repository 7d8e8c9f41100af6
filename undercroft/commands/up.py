"""`undercroft up`: the whole platform in one process."""

import re
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated

import typer
import uvicorn
import uvloop
from typing_extensions import override

from kit.auth.directory import KeyDirectory
from kit.errors import Conflict, InvalidRequest, Unauthenticated
from kit.process import Server, Tls, process, server_config
from undercroft.client_env import read_client_env, url_of, write_client_env
from undercroft.commands.common import DEFAULT_DATA, Data, console
from undercroft.commands.keys import credentials

if TYPE_CHECKING:
    from undercroft.embedded import Embedded, Folder

_TENANT = "default"
_NAME = re.compile(r"[A-Za-z0-9][\w./:-]{0,125}", re.ASCII)
_DRAIN = 15


def up(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    data: Data = DEFAULT_DATA,
    models: Annotated[
        Path | None,
        typer.Option(help="Where exported models are cached; DATA/models if not given."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER",
            help="Serve a model from its folder under this name, in every dialect; repeatable.",
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Serve https with this PEM file; needs --private-key.")
    ] = None,
    private_key: Annotated[Path | None, typer.Option(help="The certificate's PEM key.")] = None,
) -> None:
    """Start the platform and print where it is. Stop it with Ctrl-C."""
    # Brings every service's libraries; the other commands run where those are not installed.
    from undercroft.embedded import Embedded, Folder  # noqa: PLC0415

    with process("undercroft"):
        if (certificate is None) != (private_key is None):
            raise InvalidRequest("https needs both --certificate and --private-key.")
        tls = Tls(certificate, private_key) if certificate and private_key else None
        platform = Embedded(Folder(data), models=models, serve=named_folders(model or []))
        uvloop.run(_serve(platform, host, port, tls))


def named_folders(options: list[str]) -> dict[str, Path]:
    """Of `NAME=FOLDER` each; a name may hold `/`, as those of Hugging Face do."""
    named: dict[str, Path] = {}
    for option in options:
        name, _, folder = option.partition("=")
        if not _NAME.fullmatch(name) or not folder:
            raise InvalidRequest(
                f"--model {option} is not NAME=FOLDER, with a name of letters, digits and ./:_-"
            )
        if name in named:
            raise InvalidRequest(f"--model names {name} twice.")
        named[name] = Path(folder).expanduser()
    return named


async def _serve(platform: "Embedded", host: str, port: int, tls: Tls | None) -> None:
    keys = await _first_keys(platform)
    config = server_config(platform.app, host, port, _DRAIN, tls)
    server = _Announcing(config, platform.folder, keys)
    await server.serve()


class _Announcing(Server):
    """Tells where the platform is once its port is open."""

    def __init__(self, config: uvicorn.Config, folder: "Folder", keys: dict[str, str]) -> None:
        super().__init__(config)
        self._folder = folder
        self._keys = keys

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn's way where it cannot listen; it has logged why
            where = f"{self.config.host}, port {self.config.port}"
            raise Conflict(f"Cannot listen on {where}; take another with --port.") from error
        if not self.started:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        url = url_of("https" if self.config.is_ssl else "http", host, port)
        write_client_env(self._folder.client_env, url, self._keys)
        console.print(f"[bold]Undercroft is up[/bold]  {url}")
        console.print(f"  AWS      source {self._folder.client_env}")
        console.print(f"  OpenAI   {url}/v1")
        console.print(f"  REST     {url}/docs")


async def _first_keys(platform: "Embedded") -> dict[str, str]:
    """Those of the file if they still work, else new ones."""
    env = read_client_env(platform.folder.client_env)
    kept = {name: env[name] for name in credentials_names() if name in env}
    if len(kept) == len(credentials_names()) and await _work(platform.directory, kept):
        return kept
    owner = await platform.directory.create_tenant(_TENANT)
    return credentials(await platform.directory.create_keys(owner))


def credentials_names() -> tuple[str, ...]:
    return ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY")


async def _work(directory: KeyDirectory, kept: dict[str, str]) -> bool:
    try:
        await directory.by_bearer(kept["OPENAI_API_KEY"])
    except Unauthenticated:
        return False
    return await directory.secret_of(kept["AWS_ACCESS_KEY_ID"]) is not None
