"""OpenAI's batches: lines of `custom_id`, `url` and `body`; answers and errors in files."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from uuid_utils import UUID, uuid4

from contracts.generation.metered import MeteredGeneration
from contracts.search.client import SearchClient
from dialects.body import Json
from dialects.dialect import Exchange
from dialects.openai.chat import ChatDialect
from dialects.openai.completions import CompletionDialect
from dialects.openai.embeddings import EmbeddingsDialect
from dialects.openai.errors import error_object
from kit.auth.metering import Metering
from kit.auth.principal import Principal
from kit.batches.records import Answered, Outcome
from kit.database import Database
from kit.errors import InvalidRequest, NotFound, PlatformError
from kit.files.rows import Facts
from kit.files.store import Files
from workers.batch.openai_input import check_lines
from workers.batch.outputs import answers
from workers.batch.reading import lines_of
from workers.batch.wire import BatchRefused, Checked, InputGone, Line, Running

OPERATION = "openai:CreateBatch"
_EXPIRED = {
    "code": "batch_expired",
    "message": "This request was not answered before its batch expired.",
}


@dataclass(frozen=True, slots=True)
class Made:
    body: Json
    tokens_in: int
    tokens_out: int = 0


Answer: TypeAlias = Callable[[Principal, Json, int], Coroutine[Any, Any, Made]]
"""Answers a body of so many bytes."""


class Endpoints:
    """What lines can ask for, by their `url`."""

    def __init__(
        self, generation: MeteredGeneration, search: SearchClient, metering: Metering
    ) -> None:
        self._generation, self._search, self._metering = generation, search, metering
        self._chat, self._completion = ChatDialect(), CompletionDialect()
        self._embeddings = EmbeddingsDialect()
        self.by_url: dict[str, Answer] = {
            "/v1/chat/completions": self._chats,
            "/v1/completions": self._completions,
            "/v1/embeddings": self._embed,
        }

    async def _chats(self, who: Principal, body: Json, size: int) -> Made:
        name = _model(body)
        request = self._chat.read(name, body).in_background()
        made = await self._generation.generate(who, OPERATION, request, size=size)
        told = self._chat.whole(Exchange(name, body, request), made)
        return Made(told, made.input_tokens, made.output_tokens)

    async def _completions(self, who: Principal, body: Json, size: int) -> Made:
        """One prompt after the other: the lines beside this one keep the engine busy."""
        name = _model(body)
        read = self._completion.read_all(name, body)
        requests = [request.in_background() for request in read]
        made = await self._generation.generate_all(who, OPERATION, requests, size=size, at_once=1)
        return Made(
            self._completion.whole_all(name, requests, made),
            sum(one.input_tokens for one in made),
            sum(one.output_tokens for one in made),
        )

    async def _embed(self, who: Principal, body: Json, size: int) -> Made:
        request = self._embeddings.read(_model(body), body)
        async with self._metering.spending(who, OPERATION, "", request_bytes=size) as spent:
            made = await self._search.embed(who, request)
            spent.model, spent.tokens_in = made.model, sum(made.tokens)
        return Made(self._embeddings.whole(body, made), sum(made.tokens))


class OpenAIBatches:
    """A BatchWire."""

    def __init__(self, database: Database, files: Files, endpoints: Endpoints) -> None:
        self._database, self._files, self._endpoints = database, files, endpoints

    async def check(self, running: Running) -> Checked:
        """Raises BatchRefused that tells of up to a hundred lines."""
        try:
            total = await check_lines(self.lines(running), running.batch.asked["endpoint"])
        except InputGone as error:
            raise BatchRefused(error.message, self.stopped(error)) from error
        return Checked(total, {})

    async def lines(self, running: Running) -> AsyncGenerator[Line, None]:
        """Raises InputGone where the input file was deleted."""
        batch = running.batch
        try:
            reading = await self._files.open(batch.tenant, batch.asked["input_file_id"])
        except NotFound as error:
            raise InputGone("The input file of the batch was deleted.") from error
        async for line in lines_of(0, reading.chunks):
            yield line

    async def answer(self, running: Running, line: Line) -> Answered:
        asked = orjson.loads(line.raw)
        answer = self._endpoints.by_url[running.batch.asked["endpoint"]]
        if asked["body"].get("stream"):
            raise InvalidRequest("A batch has no streams; leave `stream` out.", param="stream")
        made = await answer(running.who, asked["body"], len(line.raw))
        told = _row(asked, response=_response(200, made.body))
        return Answered(line.source, line.number, True, told, made.tokens_in, made.tokens_out)

    def failed(self, running: Running, line: Line, error: PlatformError) -> Answered:
        body = {"error": error_object(error)}
        told = _row(orjson.loads(line.raw), response=_response(error.status, body))
        return Answered(line.source, line.number, False, told)

    def expired(self, running: Running, line: Line) -> Answered:
        return Answered(
            line.source, line.number, False, _row(orjson.loads(line.raw), error=_EXPIRED)
        )

    def stopped(self, error: PlatformError) -> dict[str, Any]:
        code = error_object(error)["code"]
        return {"errors": [{"code": code, "message": error.message, "param": None, "line": None}]}

    async def conclude(self, running: Running, outcome: Outcome) -> dict[str, Any]:
        batch = running.batch
        return {
            "output_file_id": await self._file(running, "output", True)
            if batch.succeeded
            else None,
            "error_file_id": await self._file(running, "error", False) if batch.failed else None,
        }

    async def _file(self, running: Running, what: str, ok: bool) -> str:
        """The id follows from the batch's, so that doing it again makes no second file."""
        batch = running.batch
        facts = Facts(f"{batch.id}_{what}.jsonl", "batch_output", batch.asked.get("outputs_live"))
        made = await self._files.add(
            batch.tenant,
            answers(self._database, running.writer, ok=ok),
            lambda: facts,
            file=f"file-{UUID(batch.job).hex}{what[0]}",
        )
        return made.id


def _model(body: Json) -> str:
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise InvalidRequest("model: give the name of a model.", param="model")
    return name


def _row(asked: Json, *, response: Json | None = None, error: Json | None = None) -> bytes:
    return orjson.dumps(
        {
            "id": f"batch_req_{uuid4().hex}",
            "custom_id": asked["custom_id"],
            "response": response,
            "error": error,
        }
    )


def _response(status: int, body: Json) -> Json:
    return {"status_code": status, "request_id": f"req_{uuid4().hex}", "body": body}
