"""Asks one server whether it lives, and what it was started with."""

import asyncio
from pathlib import Path

import aiohttp
from pydantic import BaseModel, SecretStr, ValidationError

_SECONDS = 5.0
_BETWEEN = 2.0
_MISSES = 3


class _Listed(BaseModel):
    max_model_len: int


class _Models(BaseModel):
    data: list[_Listed]


class Probe:
    """Of the server at `url` (without /v1), which listens on `socket` where that is set."""

    def __init__(
        self, url: str, *, socket: Path | None = None, key: SecretStr | None = None
    ) -> None:
        self._url, self._socket = url, socket
        self._headers = {} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"}
        self._session: aiohttp.ClientSession | None = None

    async def lives(self) -> bool:
        """Whether /health says so within 5 s; its engine is asked too."""
        return await self._get("/health") is not None

    async def context(self) -> int | None:
        """The tokens that its model reads, from its list of models; None where it does not say."""
        listed = await self._get("/v1/models")
        try:
            return (
                None
                if listed is None
                else _Models.model_validate_json(listed).data[0].max_model_len
            )
        except (ValidationError, IndexError):
            return None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _get(self, path: str) -> bytes | None:
        try:
            async with self._open().get(self._url + path, allow_redirects=False) as reply:
                return await reply.read() if reply.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # made here because a session belongs to the running loop
            socket = self._socket
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(socket)) if socket else aiohttp.TCPConnector(),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                headers=self._headers,
            )
        return self._session


async def misses(probe: Probe) -> None:
    """Returns once a server has missed several looks in a row."""
    missed = 0
    while missed < _MISSES:
        await asyncio.sleep(_BETWEEN)
        missed = 0 if await probe.lives() else missed + 1
