"""Answers to invocations that nobody waits for: from an object to an object."""

import asyncio
import time
from collections.abc import AsyncIterator

import orjson

from contracts.generation.invocations import AsyncInvocation, ObjectPlace
from contracts.generation.metered import MeteredGeneration
from dialects.sagemaker.exchange import FORMS, TextExchange, exchange
from dialects.sagemaker.said import Said
from kit.auth.principal import Principal
from kit.errors import (
    DeadlineExceeded,
    Internal,
    Interrupted,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    PlatformError,
    RateLimited,
    TookTooLong,
    Unavailable,
)
from kit.jobs.ports import JobContext, JsonObject
from kit.jobs.retry import DEAD_AFTER
from kit.objects.records import Attributes
from kit.objects.store import ObjectStore
from workers.waiting import come_again

_TRIES = 4
"""One less than the job may have: the last one writes down why it failed. So does the last one that
crashes may take."""
_LEAST_WAIT = 1.0
_LEAST_WAIT_FOR_MODEL = 5.0
_LARGEST = 25 * 2**20
_OPERATION = "sagemaker-runtime:InvokeEndpointAsync"


class AsyncInference:
    """What an attempt has written another finds, so that an answer is made once.

    An invocation that meets a limit of its tenant, or whose model is not there, gives its place to
    others and waits for its turn, until it expires; a spent budget fails it.
    """

    def __init__(self, generation: MeteredGeneration, objects: ObjectStore) -> None:
        self._generation = generation
        self._objects = objects

    async def run(self, context: JobContext) -> JsonObject:
        asked = AsyncInvocation.model_validate(context.input)
        if await self._is_there(context.tenant, asked.output):
            return {"location": asked.output.uri}
        if context.crashes + 1 >= DEAD_AFTER:
            failure = Internal("The server had an error; try this request again.")
            return await self._refuse(context.tenant, asked, failure)
        try:
            body, media = await self._in_turn(context.tenant, asked)
            await self._put(context.tenant, asked.output, body, media)
        except PlatformError as error:
            in_time = time.time() < asked.expires_at and not isinstance(error, RateLimited)
            if error.retryable and in_time and context.failures < _TRIES:
                raise
            return await self._refuse(context.tenant, asked, error)
        return {"location": asked.output.uri}

    async def _in_turn(self, tenant: str, asked: AsyncInvocation) -> tuple[bytes, str]:
        """Raises JobYielded while nobody can answer; a model that broke off may have been broken by
        this very request, so that counts as a failure."""
        try:
            return await self._answer(tenant, asked)
        except Interrupted:
            raise
        except RateLimited as error:
            if not error.passes:
                raise
            raise come_again(error, least=_LEAST_WAIT, until=asked.expires_at) from error
        except Unavailable as error:
            wait = _LEAST_WAIT_FOR_MODEL
            raise come_again(error, least=wait, until=asked.expires_at) from error

    async def _answer(self, tenant: str, asked: AsyncInvocation) -> tuple[bytes, str]:
        if time.time() >= asked.expires_at:
            raise DeadlineExceeded("The request waited for longer than its RequestTTLSeconds.")
        raw = await self._read(tenant, asked.input)
        made = exchange(asked.target, Said(asked.adapter, asked.accepts_terms), raw)
        who = Principal(tenant, asked.account, asked.key)
        try:
            async with asyncio.timeout(asked.timeout):
                return await self._exchanged(who, made, len(raw))
        except TimeoutError as error:
            raise TookTooLong("The invocation took longer than it may.") from error

    async def _exchanged(self, who: Principal, made: TextExchange, size: int) -> tuple[bytes, str]:
        requests = [request.in_background() for request in made.requests]
        if made.is_stream:
            (request,) = requests
            deltas = self._generation.stream(who, _OPERATION, request, size=size)
            return b"".join([line async for line in made.stream(deltas)]), made.stream_type
        answers = await self._generation.generate_all(who, _OPERATION, requests, size=size)
        return made.whole(answers), "application/json"

    async def _refuse(
        self, tenant: str, asked: AsyncInvocation, error: PlatformError
    ) -> JsonObject:
        """The container's own words, in the failure object where one is wanted."""
        _, body = FORMS[asked.target.form].refusal(error)
        if asked.failure is not None:
            await self._put(tenant, asked.failure, orjson.dumps(body), "application/json")
        return {"failure": error.message}

    async def _is_there(self, tenant: str, place: ObjectPlace) -> bool:
        try:
            await self._objects.head(tenant, place.bucket, place.key)
        except NotFound:
            return False
        return True

    async def _read(self, tenant: str, place: ObjectPlace) -> bytes:
        try:
            reading = await self._objects.open(tenant, place.bucket, place.key)
        except NotFound as error:
            raise InvalidRequest(f"There is no object {place.uri}.") from error
        if reading.info.size > _LARGEST:
            await reading.chunks.aclose()
            raise PayloadTooLarge(f"{place.uri} has more than {_LARGEST} bytes.")
        return b"".join([piece async for piece in reading.chunks])

    async def _put(self, tenant: str, place: ObjectPlace, body: bytes, media: str) -> None:
        attributes = Attributes(headers={"content-type": media})
        await self._objects.put(tenant, place.bucket, place.key, _once(body), attributes=attributes)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
