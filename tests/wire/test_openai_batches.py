"""Batches through the openai package: answered in the background, line by line."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.contract.capable_server import MODEL, CapableServer
from tests.support.platform import Platform
from tests.wire.openai_lines import CHAT, answered, chat, ended, line, rows, start
from tests.wire.openai_models import platform_with_model


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, CapableServer]]:
    with platform_with_model(tmp_path_factory.mktemp("batches")) as both:
        yield both


@pytest.fixture(scope="module")
def client(served: tuple[Platform, CapableServer]) -> openai.OpenAI:
    return served[0].openai()


def test_a_batch_is_answered_in_the_order_of_its_lines(client: openai.OpenAI) -> None:
    lines = [chat(f"r{n}", f"word {n}") for n in range(40)]
    batch = ended(client, start(client, lines, metadata={"job": "nightly"}))
    assert batch.status == "completed"
    assert batch.metadata == {"job": "nightly"}
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"completed": 40, "failed": 0, "total": 40}
    assert batch.error_file_id is None
    assert batch.usage is not None
    assert (batch.usage.input_tokens, batch.usage.output_tokens) == (80, 80)
    told = rows(client, batch.output_file_id)
    assert [one["custom_id"] for one in told] == [f"r{n}" for n in range(40)]
    assert told[7]["response"]["status_code"] == 200
    assert told[7]["response"]["body"]["choices"][0]["message"]["content"] == "word 7!"
    file = client.files.retrieve(str(batch.output_file_id))
    assert file.purpose == "batch_output"


def test_lines_that_fail_stand_in_a_file_of_their_own(client: openai.OpenAI) -> None:
    lines = [
        chat("good", "hello"),
        chat("refused", "hello", logit_bias={"5": 1}),
        chat("absent", "hello") | {"body": {"model": "absent", "messages": []}},
        chat("streamed", "hello", stream=True),
    ]
    batch = ended(client, start(client, lines))
    assert batch.status == "completed"
    assert [one["custom_id"] for one in rows(client, batch.output_file_id)] == ["good"]
    errors = {one["custom_id"]: one["response"] for one in rows(client, batch.error_file_id)}
    assert errors.keys() == {"refused", "absent", "streamed"}
    assert errors["refused"]["status_code"] == 400
    assert errors["refused"]["body"]["error"]["param"] == "logit_bias"


def test_a_busy_engine_is_asked_again(served: tuple[Platform, CapableServer]) -> None:
    platform, server = served
    client = platform.openai()
    server.busy = 5
    batch = ended(client, start(client, [chat(f"r{n}", f"busy {n}") for n in range(4)]))
    assert server.busy == 0
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 4


def test_completions_and_embeddings_are_answered_too(client: openai.OpenAI) -> None:
    body = {"model": MODEL, "prompt": ["one", "two"]}
    url = "/v1/completions"
    batch = ended(client, start(client, [line("c", body, url)], url))
    told = rows(client, batch.output_file_id)[0]["response"]["body"]
    assert [one["text"] for one in told["choices"]] == ["one!", "two!"]
    body = {"model": "text-embedding-3-small", "input": ["oak", "ash"]}
    url = "/v1/embeddings"
    batch = ended(client, start(client, [line("e", body, url)], url))
    told = rows(client, batch.output_file_id)[0]["response"]["body"]
    assert [len(one["embedding"]) for one in told["data"]] == [1536, 1536]


def test_an_input_that_cannot_be_run_fails_with_its_lines(client: openai.OpenAI) -> None:
    lines = [chat("a", "x"), "{not json", "", chat("a", "x"), chat("b", "x") | {"url": "/v1/x"}]
    batch = ended(client, start(client, lines))
    assert batch.status == "failed"
    assert batch.errors is not None
    assert [(one.code, one.line) for one in batch.errors.data or ()] == [
        ("invalid_json_line", 2),
        ("duplicate_custom_id", 4),
        ("mismatched_endpoint", 5),
    ]
    assert batch.output_file_id is None
    empty = ended(client, start(client, ["", " "]))
    assert empty.errors is not None
    assert [one.code for one in empty.errors.data or ()] == ["empty_file"]


def test_a_cancelled_batch_keeps_what_was_answered(client: openai.OpenAI) -> None:
    lines = [chat(f"r{n}", "quick") for n in range(20)]
    lines += [chat(f"s{n}", "wait 60") for n in range(40)]
    batch = start(client, lines)
    answered(client, batch, 20)
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch = ended(client, batch)
    assert batch.status == "cancelled"
    assert batch.cancelled_at is not None
    told = [one["custom_id"] for one in rows(client, batch.output_file_id)]
    assert told == [f"r{n}" for n in range(20)]
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_batches_are_listed_newest_first_in_pages(served: tuple[Platform, CapableServer]) -> None:
    platform, _ = served
    client = platform.openai(platform.keys("batch-pages"))
    made = [start(client, [chat("a", "x")]).id for _ in range(5)]
    assert [one.id for one in client.batches.list(limit=2)] == made[::-1]
    assert client.batches.list(limit=2).has_more


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"endpoint": "/v1/responses"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {"a": 5}}, "metadata.a"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_batch_is_refused_by_its_member(
    client: openai.OpenAI, change: dict[str, Any], param: str
) -> None:
    file = client.files.create(file=("f", b"{}"), purpose="batch")
    body = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h"} | change
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/batches", body=body, cast_to=object)
    assert raised.value.param == param


def test_another_tenants_batch_and_file_are_as_absent(
    served: tuple[Platform, CapableServer], client: openai.OpenAI
) -> None:
    batch = start(client, [chat("a", "x")])
    stranger = served[0].openai(served[0].keys("batch-stranger"))
    for call in (stranger.batches.retrieve, stranger.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            call(batch.id)
    with pytest.raises(openai.NotFoundError):
        stranger.batches.create(
            input_file_id=batch.input_file_id, endpoint=CHAT, completion_window="24h"
        )
    assert stranger.batches.list().data == []
