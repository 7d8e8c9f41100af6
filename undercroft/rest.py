"""Asks a running platform through its REST API, with the keys of its `client.env`."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import aiohttp

from kit.errors import Unavailable
from kit.problems import from_problem
from undercroft.client_env import read_client_env

_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=1800)


def reach(data: Path) -> tuple[str, dict[str, str]]:
    """The platform's URL, and the headers that its first tenant asks with."""
    env = read_client_env(data / "client.env")
    if not env:
        raise Unavailable(f"There is no platform in {data}: start one with `undercroft up`.")
    return env["UNDERCROFT_URL"], {"authorization": f"Bearer {env['OPENAI_API_KEY']}"}


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
            if answer.status >= 400:
                raise from_problem(answer.status, await answer.read())
            return None if answer.status == 204 else await answer.json()

    try:
        return asyncio.run(send())
    except aiohttp.ClientError as error:
        raise Unavailable("The platform does not answer; is `undercroft up` running?") from error
