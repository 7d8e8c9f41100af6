"""Bedrock's batches: lines of `recordId` and `modelInput` in S3; outputs beside their names."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from contracts.generation.metered import MeteredGeneration
from contracts.search.client import SearchClient
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import embedding_dialect, text_dialect
from dialects.body import Json, is_deep, read_body
from dialects.dialect import Exchange
from kit.auth.metering import Metering
from kit.batches.records import Answered, Outcome
from kit.catalogue import Catalogue
from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotFound, PlatformError
from kit.objects.records import Attributes
from kit.objects.store import ObjectStore
from workers.batch.bedrock_places import (
    Source,
    check_outputs,
    manifest_key,
    output_key,
    sources,
    stored,
)
from workers.batch.outputs import answers
from workers.batch.reading import lines_of
from workers.batch.wire import BatchRefused, Checked, InputGone, Line, Running

OPERATION = "bedrock:CreateModelInvocationJob"
MOST_RECORDS = 50_000
_DEEPEST = 200
_JSON_LINES = Attributes(headers={"content-type": "application/jsonl"})
_JSON = Attributes(headers={"content-type": "application/json"})


class Models:
    """What a record can ask for: texts in each family's payload or as Converse, or embeddings."""

    def __init__(
        self,
        generation: MeteredGeneration,
        search: SearchClient,
        metering: Metering,
        catalogue: Catalogue,
    ) -> None:
        self._generation, self._search = generation, search
        self._metering, self._catalogue = metering, catalogue
        self._converse = Converse()

    async def answer(self, running: Running, body: Json, size: int) -> tuple[Json, int, int]:
        """The answer, and the tokens that it took in and gave out."""
        asked = running.batch.asked
        name = asked["model"]
        entry = self._catalogue.owner(name)
        if entry is not None and entry.kind == "embedding":
            return await self._embed(running, name, body, size)
        dialect = self._converse if asked["type"] == "Converse" else text_dialect(name)
        request = dialect.read(name, body).in_background()
        exchange = Exchange(name, body, request)
        made = await self._generation.generate(running.who, OPERATION, request, size=size)
        return dialect.whole(exchange, made), made.input_tokens, made.output_tokens

    async def _embed(
        self, running: Running, name: str, body: Json, size: int
    ) -> tuple[Json, int, int]:
        dialect = embedding_dialect(name)
        request = dialect.read(name, body)
        async with self._metering.spending(running.who, OPERATION, "", request_bytes=size) as spent:
            made = await self._search.embed(running.who, request)
            spent.model, spent.tokens_in = made.model, sum(made.tokens)
        return dialect.whole(body, made), spent.tokens_in, 0


class BedrockBatches:
    """A BatchWire."""

    def __init__(self, database: Database, objects: ObjectStore, models: Models) -> None:
        self._database, self._objects, self._models = database, objects, models

    async def check(self, running: Running) -> Checked:
        """Raises BatchRefused; a record that is wrong is an error of its own, later."""
        batch, asked = running.batch, running.batch.asked
        try:
            found = await sources(self._objects, batch.tenant, asked["input"])
            check_outputs(asked["output"]["prefix"], batch.id, asked["input"]["key"], found)
            total = 0
            async with aclosing(self._lines(running, found)) as lines:
                async for _ in lines:
                    total += 1
        except (NotFound, InputGone, InvalidRequest) as error:
            raise _refused(error.message) from error
        if not 1 <= total <= MOST_RECORDS:
            raise _refused(f"The input has {total} records; give 1 to {MOST_RECORDS}.")
        return Checked(total, {"sources": stored(found)})

    def lines(self, running: Running) -> AsyncGenerator[Line, None]:
        """Raises InputGone where an input was replaced or deleted."""
        return self._lines(running, _sources(running))

    async def _lines(self, running: Running, found: list[Source]) -> AsyncGenerator[Line, None]:
        tenant, bucket = running.batch.tenant, running.batch.asked["input"]["bucket"]
        for number, source in enumerate(found):
            try:
                reading = await source.open(self._objects, tenant, bucket)
            except Conflict as error:
                raise InputGone(error.message) from error
            except NotFound as error:
                raise InputGone(f"s3://{bucket}/{source.key} was deleted.") from error
            async with aclosing(lines_of(number, reading.chunks)) as lines:
                async for line in lines:
                    yield line

    async def answer(self, running: Running, line: Line) -> Answered:
        record = read_body(line.raw)
        body = record.get("modelInput")
        if not isinstance(body, dict):
            raise InvalidRequest("modelInput must be an object.", param="modelInput")
        if is_deep(body, _DEEPEST):
            raise InvalidRequest(
                f"modelInput must not be nested more than {_DEEPEST} deep.", param="modelInput"
            )
        told, read, written = await self._models.answer(running, body, len(line.raw))
        output = _row(line, record, modelOutput=told)
        return Answered(line.source, line.number, True, output, read, written)

    def failed(self, running: Running, line: Line, error: PlatformError) -> Answered:
        told = {"errorCode": error.status, "errorMessage": error.message}
        output = _row(line, _lenient(line.raw), error=told)
        return Answered(line.source, line.number, False, output)

    def expired(self, running: Running, line: Line) -> None:
        """What was not processed is not in the output."""

    def stopped(self, error: PlatformError) -> dict[str, Any]:
        return {"message": error.message}

    async def conclude(self, running: Running, outcome: Outcome) -> dict[str, Any]:
        """An output for each input, and the counts beside them."""
        batch = running.batch
        found = _sources(running)
        to = batch.asked["output"]
        for number, source in enumerate(found):
            await self._objects.put(
                batch.tenant,
                to["bucket"],
                output_key(to["prefix"], batch.id, batch.asked["input"]["key"], source.key),
                answers(self._database, running.writer, source=number),
                attributes=_JSON_LINES,
            )
        if found:
            await self._objects.put(
                batch.tenant,
                to["bucket"],
                manifest_key(to["prefix"], batch.id),
                _manifest(running),
                attributes=_JSON,
            )
        return batch.told


def _sources(running: Running) -> list[Source]:
    return [Source(**told) for told in running.batch.told.get("sources", [])]


async def _manifest(running: Running) -> AsyncGenerator[bytes, None]:
    batch = running.batch
    yield orjson.dumps(
        {
            "totalRecordCount": batch.total,
            "processedRecordCount": batch.succeeded + batch.failed,
            "successRecordCount": batch.succeeded,
            "errorRecordCount": batch.failed,
            "inputTokenCount": batch.tokens_in,
            "outputTokenCount": batch.tokens_out,
        }
    )


def _row(line: Line, record: Json, **told: Json) -> bytes:
    """AWS, too, gives an id to a record without one."""
    name = record.get("recordId")
    known = {"modelInput": record.get("modelInput"), **told}
    known["recordId"] = name if isinstance(name, str) and name else f"CALL{line.number:07d}"
    try:
        return orjson.dumps(known)
    except orjson.JSONEncodeError:  # what was read may nest deeper than what can be written
        return orjson.dumps(known | {"modelInput": None})


def _lenient(raw: bytes) -> Json:
    try:
        return read_body(raw)
    except InvalidRequest:
        return {}


def _refused(message: str) -> BatchRefused:
    return BatchRefused(message, {"message": message})
