"""vLLM's servers beside the texts they write: their adapters, and how they count tokens.

Adapters go by their digests and come from the folders of the registry; no name or path of a client
ever reaches a server.
"""

from collections.abc import Collection
from typing import Any

import orjson

from kit.errors import InvalidRequest, UpstreamFailed
from services.generation.engines.openai.members import READABLE
from services.generation.engines.openai.refusals import NotServed
from services.generation.engines.openai.server import NOTHING_CAME, OpenAIServer, Patience
from services.generation.ports import AdapterRef, Replica
from services.generation.service.routing.admin import AdapterUnusable

_IDLE = 4.0
"""Seconds; vLLM closes a connection that was not used for five."""


class Servers:
    """A client for each replica; those of replicas that have gone are closed by `keep`."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._servers: dict[str, OpenAIServer] = {}

    def of(self, replica: Replica) -> OpenAIServer:
        """Its paths begin at the root: /v1/completions, /tokenize."""
        server = self._servers.get(replica.id)
        if server is None:
            server = self._servers[replica.id] = OpenAIServer(
                replica.url.removesuffix("/v1"),
                key=replica.key,
                patience=self.patience,
                connections=0,  # the router bounds them
                socket=replica.socket,
                idle=_IDLE,
            )
        return server

    async def keep(self, replicas: Collection[str]) -> None:
        """Closes the clients of all but these."""
        for id in self._servers.keys() - replicas:
            await self._servers.pop(id).close()

    async def close(self) -> None:
        await self.keep(())


class VllmAdmin:
    """The AdapterAdmin of routing."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    async def load(self, replica: Replica, adapter: AdapterRef) -> None:
        asked = {"lora_name": adapter.digest, "lora_path": str(adapter.folder)}
        try:
            with NOTHING_CAME:  # it tells of the server: others may take the same weights
                await self._post(replica, "/v1/load_lora_adapter", asked)
        except InvalidRequest as error:
            if "already been loaded" not in error.message:
                raise AdapterUnusable(f"An adapter cannot be loaded: {error.message}") from error
        except UpstreamFailed as error:
            raise AdapterUnusable(f"An adapter cannot be loaded: {error.message}") from error

    async def unload(self, replica: Replica, digest: str) -> None:
        try:
            await self._post(replica, "/v1/unload_lora_adapter", {"lora_name": digest})
        except NotServed:
            return

    async def loaded(self, replica: Replica) -> set[str]:
        told = await self._servers.of(replica).get("/v1/models")
        with READABLE:
            return {model["id"] for model in orjson.loads(told)["data"] if model.get("parent")}

    async def keep(self, replicas: Collection[str]) -> None:
        await self._servers.keep(replicas)

    async def count(self, replica: Replica, asked: dict[str, Any]) -> int:
        """Of what /tokenize takes: a prompt, or messages with the tools on offer."""
        told = await self._post(replica, "/tokenize", asked)
        with READABLE:
            return int(orjson.loads(told)["count"])

    async def _post(self, replica: Replica, path: str, asked: dict[str, Any]) -> bytes:
        return await self._servers.of(replica).post(path, orjson.dumps(asked))
