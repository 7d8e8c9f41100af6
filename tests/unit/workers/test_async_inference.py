"""The job behind an asynchronous invocation: one answer, however often it is begun."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from contracts.generation.answers import Choice, Delta, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.invocations import AsyncInvocation, ObjectPlace, Target
from contracts.generation.metered import MeteredGeneration
from integrations.local.blobs import LocalBlobs
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import (
    BudgetSpent,
    Interrupted,
    NotReady,
    PlatformError,
    RateLimited,
    Unavailable,
)
from kit.jobs.ports import JobContext, JobYielded
from kit.objects.store import ObjectStore
from workers.async_inference import AsyncInference

TENANT, BUCKET = "acme", "async"


class Model:
    """Counts what it is asked, and fails as often as the test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.asks: list[GenerateRequest] = []
        self.failure: Exception | None = None
        self.takes = 0.0

    async def generate_all(
        self, who: Principal, operation: str, asks: Sequence[GenerateRequest], *, size: int
    ) -> list[Generation]:
        self.asked += 1
        self.asks += asks
        await asyncio.sleep(self.takes)
        if self.failure is not None:
            raise self.failure
        choice = Choice(text="Oak.", finish_reason="stop")
        return [Generation(choices=[choice], input_tokens=1, output_tokens=1, model="m")]

    async def stream(
        self, who: Principal, operation: str, ask: GenerateRequest, *, size: int
    ) -> AsyncGenerator[Delta, None]:
        self.asks.append(ask)
        yield Delta(text="Oak.", finish_reason="stop")


class Place:
    def __init__(self, objects: ObjectStore) -> None:
        self.objects, self.model = objects, Model()
        self.handler = AsyncInference(cast(MeteredGeneration, self.model), objects)

    def context(self, failures: int = 0, crashes: int = 0, **changes: Any) -> JobContext:
        asked = AsyncInvocation(
            account="111122223333",
            key="key",
            target=Target(model="m"),
            adapter=None,
            accepts_terms=False,
            input=ObjectPlace(bucket=BUCKET, key="in.json"),
            output=ObjectPlace(bucket=BUCKET, key="out/1.out"),
            failure=ObjectPlace(bucket=BUCKET, key="failed/1-error.out"),
            expires_at=time.time() + 60,
            timeout=5,
        ).model_copy(update=changes)
        told = {
            "tenant": TENANT,
            "failures": failures,
            "crashes": crashes,
            "input": asked.model_dump(mode="json"),
        }
        return cast(JobContext, SimpleNamespace(id="job", **told))

    async def put(self, key: str, body: bytes) -> None:
        async def once() -> AsyncIterator[bytes]:
            yield body

        await self.objects.put(TENANT, BUCKET, key, once())

    async def read(self, key: str) -> Any:
        reading = await self.objects.open(TENANT, BUCKET, key)
        return orjson.loads(b"".join([piece async for piece in reading.chunks]))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    database.create_tables()
    blobs = LocalBlobs(tmp_path / "objects")
    made = Place(ObjectStore(database, blobs))
    await made.objects.buckets.create(TENANT, BUCKET, "us-east-1")
    await made.put("in.json", b'{"inputs": "What is the bridge made of?"}')
    yield made
    blobs.close()
    database.close()


async def test_a_second_attempt_finds_what_the_first_has_written(place: Place) -> None:
    first = await place.handler.run(place.context())
    again = await place.handler.run(place.context())
    assert first == again == {"location": f"s3://{BUCKET}/out/1.out"}
    assert place.model.asked == 1
    assert await place.read("out/1.out") == {"generated_text": "Oak."}


@pytest.mark.parametrize("stream", [False, True])
async def test_whoever_waits_for_an_answer_goes_before_an_invocation(
    place: Place, stream: bool
) -> None:
    await place.put("in.json", orjson.dumps({"inputs": "Oak?", "stream": stream}))
    await place.handler.run(place.context())
    assert [ask.background for ask in place.model.asks] == [True]


async def test_a_model_that_is_away_is_waited_for_until_the_request_expires(place: Place) -> None:
    place.model.failure = NotReady("The model is starting.", retry_after=1)
    with pytest.raises(JobYielded) as yielded:
        await place.handler.run(place.context(failures=4))
    assert 5 <= yielded.value.after <= 10
    told = await place.handler.run(place.context(expires_at=time.time()))
    assert "RequestTTLSeconds" in (await place.read("failed/1-error.out"))["error"]
    assert told["failure"]


async def test_a_model_that_broke_off_is_asked_a_few_times(place: Place) -> None:
    place.model.failure = Interrupted("The model server broke off.", retry_after=1)
    with pytest.raises(Interrupted):
        await place.handler.run(place.context(failures=3))
    told = await place.handler.run(place.context(failures=4))
    assert told["failure"] == "The model server broke off."
    assert (await place.read("failed/1-error.out"))["error"] == "The model server broke off."


async def test_an_answer_that_cannot_be_kept_is_not_made_for_ever(place: Place) -> None:
    async def busy(*args: object, **named: object) -> None:
        raise Unavailable("The object storage is busy.", retry_after=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place.objects, "put", busy)
        with pytest.raises(Unavailable):
            await place.handler.run(place.context())


async def test_what_is_over_a_limit_gives_its_place_and_waits_for_its_turn(place: Place) -> None:
    place.model.failure = RateLimited("Over the limit.", retry_after=7)
    with pytest.raises(JobYielded) as yielded:
        await place.handler.run(place.context(failures=4))
    assert 7 <= yielded.value.after <= 14
    with pytest.raises(JobYielded) as yielded:
        await place.handler.run(place.context(expires_at=time.time() + 3))
    assert yielded.value.after <= 3, "it would learn of its end too late"


@pytest.mark.parametrize(
    "failure", [BudgetSpent("The budget is spent."), RateLimited("More than a minute's.")]
)
async def test_what_can_never_come_through_is_told_at_once(
    place: Place, failure: PlatformError
) -> None:
    place.model.failure = failure
    assert (await place.handler.run(place.context()))["failure"] == failure.message
    assert (await place.read("failed/1-error.out"))["error"] == failure.message


async def test_what_waited_too_long_is_not_asked(place: Place) -> None:
    told = await place.handler.run(place.context(expires_at=time.time() - 1))
    assert "RequestTTLSeconds" in told["failure"]
    assert place.model.asked == 0


async def test_what_used_up_its_time_is_not_asked_and_paid_again(place: Place) -> None:
    place.model.takes = 60
    told = await place.handler.run(place.context(timeout=0.05))
    assert "longer than it may" in told["failure"]
    assert "longer than it may" in (await place.read("failed/1-error.out"))["error"]
    assert place.model.asked == 1


async def test_a_failure_without_a_place_is_the_jobs_result(place: Place) -> None:
    await place.put("in.json", b"not json")
    told = await place.handler.run(place.context(failure=None))
    assert "not JSON" in told["failure"]


async def test_what_breaks_its_worker_is_told_before_the_job_is_given_up(place: Place) -> None:
    """By a bug or by the end of the process, which nobody could tell of afterwards."""
    place.model.failure = KeyError("nobody has thought of this")
    with pytest.raises(KeyError):
        await place.handler.run(place.context(crashes=3))
    assert place.model.asked == 1
    told = await place.handler.run(place.context(crashes=4))
    assert "server had an error" in told["failure"]
    assert "thought of" not in (await place.read("failed/1-error.out"))["error"]
    assert place.model.asked == 1, "the fifth crash would end the job without a word"


async def test_an_output_that_cannot_be_written_is_told(place: Place) -> None:
    output = ObjectPlace(bucket="absent", key="out/1.out")
    told = await place.handler.run(place.context(output=output))
    assert "bucket" in told["failure"]
    assert (await place.read("failed/1-error.out"))["error"] == told["failure"]
