"""Asks a running platform through its REST API: that of a data folder, or of the environment."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import aiohttp
import typer
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from kit.errors import InvalidRequest, Unavailable
from kit.problems import from_problem
from kit.settings import PlatformSettings
from undercroft.client_env import read_client_env
from undercroft.commands.common import DEFAULT_DATA

Reached = Annotated[
    Path,
    typer.Option(
        "--data",
        help="The folder of the platform to ask, by its client.env. Without this option, "
        "UNDERCROFT_URL and OPENAI_API_KEY name the platform where both are set.",
    ),
]
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=1800)


class ClientEnvironment(PlatformSettings):
    """What a shell knows that has sourced a `client.env`, or was given another platform's."""

    model_config = SettingsConfigDict(secrets_dir=None)

    undercroft_url: str | None = None
    openai_api_key: SecretStr | None = None


def reach(data: Path) -> tuple[str, dict[str, str]]:
    """The platform's URL, and the headers to ask it with.

    A folder that was named comes first, then the environment, as for every SDK, then the default
    folder. Raises Unavailable where none of them tells of a platform.
    """
    around = ClientEnvironment()
    if data == DEFAULT_DATA and around.undercroft_url and around.openai_api_key:
        return around.undercroft_url.rstrip("/"), _bearer(around.openai_api_key.get_secret_value())
    env = read_client_env(data / "client.env")
    if not env:
        raise Unavailable(
            f"There is no platform in {data}: start one with `undercroft up`, name its folder with "
            "--data, or set UNDERCROFT_URL and OPENAI_API_KEY to ask one that runs elsewhere."
        )
    return env["UNDERCROFT_URL"], _bearer(env["OPENAI_API_KEY"])


def ask(
    data: Path,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    file: IO[bytes] | None = None,
) -> Any:
    """The answer's JSON, None where there is none; raises the leaf that the platform raised."""
    url, headers = reach(data)

    async def send() -> Any:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=_PATIENCE) as session,
            session.request(
                method,
                f"{url}/api/v1{path}",
                params=query,
                json=body,
                data=file,
                headers={} if file is None else {"content-type": "application/octet-stream"},
            ) as answer,
        ):
            await _require_success(answer)
            return None if answer.status == 204 else await answer.json()

    with _answering(url):
        return asyncio.run(send())


async def events(data: Path, path: str) -> AsyncIterator[dict[str, Any]]:
    """What a stream of server-sent events tells until it ends; raises as `ask` does."""
    url, headers = reach(data)
    patience = aiohttp.ClientTimeout(total=None, sock_connect=5)
    with _answering(url):
        async with (
            aiohttp.ClientSession(headers=headers, timeout=patience) as session,
            session.get(f"{url}/api/v1{path}") as answer,
        ):
            await _require_success(answer)
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def _require_success(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:
        raise from_problem(answer.status, await answer.read())


@contextmanager
def _answering(url: str) -> Iterator[None]:
    """What keeps an answer away, in words that say what to do about it."""
    try:
        yield
    except aiohttp.InvalidURL as error:
        raise InvalidRequest(f"UNDERCROFT_URL is not a URL: {url}") from error
    except aiohttp.ClientConnectorCertificateError as error:
        why = getattr(error.certificate_error, "verify_message", error.certificate_error)
        raise Unavailable(
            f"The certificate of {url} is not trusted: {why}. If it is your own, set "
            "SSL_CERT_FILE=cert.pem to trust it."
        ) from error
    except aiohttp.ClientSSLError as error:
        raise Unavailable(f"{url} does not speak https: {error.strerror}.") from error
    except aiohttp.ClientError as error:
        raise Unavailable(f"{url} does not answer; is the platform running?") from error
