"""What vLLM's server does at the HTTP edge: adapters by name, texts, token counts; and restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from services.generation.ports import EngineLimits, Replica
from tests.contract.openai_double import serving

BASE = "test.model-v1"
CONTEXT = 100
WORDS = ["One ", "two ", "three ", "four."]


@dataclass
class VllmDouble:
    """Says four words, one token each, beginning with the model's name.

    `trouble` is what happens to the next texts: `cut` breaks off after two words, `dies` answers
    nothing, `slow`, `late` and `hangs` wait before the first word; a number is the code of an error
    in place of a stream's first event.
    """

    id: str = "replica"
    url: str = ""
    adapters: dict[str, str] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    load_seconds: float = 0.0
    trouble: str = ""
    most_adapters: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _running: list[str] = field(default_factory=list)
    _loading: int = 0
    overlapping_loads: bool = False

    def replica(self, *, sequences: int = 8, adapters: int = 2) -> Replica:
        return Replica(self.id, f"{self.url}/v1", EngineLimits(CONTEXT, sequences, adapters, 16))

    def restart(self, id: str) -> None:
        """As another process: it has no adapters."""
        self.id = id
        self.adapters = {}

    async def load(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        self._loading += 1
        self.overlapping_loads |= self._loading > 1
        await asyncio.sleep(self.load_seconds)
        self._loading -= 1
        name, path = asked["lora_name"], asked["lora_path"]
        if name in self.adapters:
            return refusal(400, f"The lora adapter '{name}' has already been loaded.")
        if not Path(path).name:
            return refusal(404, "No adapter found")
        self.loads.append(name)
        self.adapters[name] = path
        return Response("Success")

    async def unload(self, request: Request) -> Response:
        name = orjson.loads(await request.body())["lora_name"]
        if self.adapters.pop(name, None) is None:
            return refusal(404, f"The lora adapter '{name}' cannot be found.")
        return Response("Success")

    async def models(self, request: Request) -> Response:
        cards = [{"id": BASE, "parent": None}]
        cards += [{"id": name, "parent": BASE} for name in self.adapters]
        return JSONResponse({"object": "list", "data": cards})

    async def tokenize(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        return JSONResponse({"count": _count(asked), "max_model_len": CONTEXT, "tokens": []})

    async def generate(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        self.seen.append(asked)
        model = asked["model"]
        if model != BASE and model not in self.adapters:
            return refusal(404, f"The model `{model}` does not exist.")
        if _count(asked) + (asked.get("max_tokens") or 0) > CONTEXT:
            return refusal(400, f"This model's maximum context length is {CONTEXT} tokens.")
        if self.trouble == "dies":
            return refusal(503, "EngineDeadError")
        if asked["stream"]:
            return StreamingResponse(self._events(asked), media_type="text/event-stream")
        try:
            with _Counted(self, model):
                await self._pause(request)
                return JSONResponse(_whole(asked))
        finally:
            self.left.set()

    async def _pause(self, request: Request) -> None:
        if self.trouble == "slow":
            await asyncio.sleep(0.05)
        if self.trouble == "late":
            await asyncio.sleep(1)
        if self.trouble == "hangs":
            while (await request.receive())["type"] != "http.disconnect":
                pass

    async def _events(self, asked: dict[str, Any]) -> AsyncIterator[bytes]:
        try:
            with _Counted(self, asked["model"]):
                if self.trouble == "hangs":
                    await asyncio.sleep(60)
                if self.trouble == "late":
                    await asyncio.sleep(1)
                if self.trouble.isdigit():
                    error = {"message": "Grammar error", "code": int(self.trouble)}
                    yield b"data: " + orjson.dumps({"error": error}) + b"\n\n"
                    return
                for number, word in enumerate([f"{asked['model'][:4]}: ", *WORDS], 1):
                    if self.trouble == "cut" and number == 3:
                        return
                    await asyncio.sleep(0.05 if self.trouble == "slow" else 0)
                    yield _event(asked, word, number)
                yield _event(asked, "", 5, "stop")
                usage = {"prompt_tokens": _count(asked), "completion_tokens": 5}
                yield b"data: " + orjson.dumps({"choices": [], "usage": usage}) + b"\n\n"
                yield b"data: [DONE]\n\n"
        finally:
            self.left.set()


@dataclass
class _Counted:
    """How many run at once, and with how many adapters."""

    double: VllmDouble
    model: str

    def __enter__(self) -> None:
        running = self.double._running
        running.append(self.model)
        adapters = {name for name in running if name != BASE}
        self.double.most_adapters = max(self.double.most_adapters, len(adapters))

    def __exit__(self, *_: object) -> None:
        self.double._running.remove(self.model)


def _count(asked: dict[str, Any]) -> int:
    if "messages" in asked:
        return sum(len(str(message["content"]).split()) for message in asked["messages"])
    prompt = asked["prompt"]
    return len(prompt.split()) if isinstance(prompt, str) else len(prompt)


def _event(asked: dict[str, Any], word: str, number: int, reason: str | None = None) -> bytes:
    choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
    choice |= {"delta": {"content": word}} if "messages" in asked else {"text": word}
    usage = {"prompt_tokens": _count(asked), "completion_tokens": number}
    return b"data: " + orjson.dumps({"choices": [choice], "usage": usage}) + b"\n\n"


def _whole(asked: dict[str, Any]) -> dict[str, Any]:
    text = "".join([f"{asked['model'][:4]}: ", *WORDS])
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if asked.get("max_tokens") == 1 and "tools" in asked:  # as parsers leave a call that was cut
        text, choice["finish_reason"] = "<tool_call>", "length"
    choice |= {"message": {"content": text}} if "messages" in asked else {"text": text}
    usage = {"prompt_tokens": _count(asked), "completion_tokens": 5}
    return {"choices": [choice], "usage": usage}


def refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "code": status}}, status)


@asynccontextmanager
async def vllm_double(id: str = "replica") -> AsyncIterator[VllmDouble]:
    double = VllmDouble(id)
    routes = [
        Route("/v1/load_lora_adapter", double.load, methods=["POST"]),
        Route("/v1/unload_lora_adapter", double.unload, methods=["POST"]),
        Route("/v1/models", double.models),
        Route("/tokenize", double.tokenize, methods=["POST"]),
        Route("/v1/chat/completions", double.generate, methods=["POST"]),
        Route("/v1/completions", double.generate, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes)) as url:
        double.url = url
        yield double
