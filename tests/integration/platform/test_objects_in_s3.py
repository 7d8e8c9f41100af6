"""Objects in an S3 of somebody else's, which here is a platform of ours: nothing is on a disk."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.support.processes import Fleet, answer, running_fleet
from tests.support.servers import PostgresServer
from tests.wire.knowledge import Knowledge, until

pytestmark = pytest.mark.integration
BUCKET, PREFIX = "undercroft-objects", "platform/one"


@pytest.fixture(scope="module")
def store(platform: Platform) -> Any:
    """A client of the S3 that the fleet keeps its objects in."""
    client = platform.boto3("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def fleet(
    store: Any,
    platform: Platform,
    postgres_server: PostgresServer,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("s3-fleet")
    objects = {
        "OBJECTS": f"s3://{BUCKET}/{PREFIX}",
        "OBJECTS_ENDPOINT": platform.url,
        "OBJECTS_ACCESS_KEY_ID": platform.owner.access_key_id,
        "OBJECTS_SECRET_ACCESS_KEY": platform.owner.secret_access_key,
    }
    url = postgres_server.create_database(folder.name.replace("-", "_"))
    with running_fleet(folder, url, redis_url, objects) as running:
        yield running


def blobs_in(store: Any) -> dict[str, int]:
    """The sizes of what the fleet keeps, by key."""
    listed = store.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/")
    return {item["Key"]: item["Size"] for item in listed.get("Contents", ())}


def test_bytes_go_to_the_other_s3_and_come_back_and_are_deleted_there(
    fleet: Fleet, store: Any
) -> None:
    s3 = fleet.platform.boto3("s3")
    s3.create_bucket(Bucket="films")
    before = blobs_in(store)
    body = os.urandom(12_000_000)
    s3.put_object(Bucket="films", Key="one.mp4", Body=body)
    assert sorted(blobs_in(store).values()) == sorted([*before.values(), len(body)])
    assert s3.get_object(Bucket="films", Key="one.mp4")["Body"].read() == body
    part = s3.get_object(Bucket="films", Key="one.mp4", Range="bytes=8388600-8388620")
    assert part["Body"].read() == body[8388600:8388621]
    s3.delete_object(Bucket="films", Key="one.mp4")
    assert blobs_in(store) == before
    assert store.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_every_process_reads_and_writes_there(fleet: Fleet, store: Any) -> None:
    """The search service reads the document, a worker a batch's file and writes its answers."""
    base = Knowledge.create(fleet.platform)
    base.put("moon.txt", "The moon base Artemis opened in 2041.")
    assert base.sync()["numberOfNewDocumentsIndexed"] == 1
    assert "2041" in base.ask("When did the moon base Artemis open?")["output"]["text"]

    client = fleet.platform.openai()
    line = (
        b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", '
        b'"body": {"model": "text-embedding-3-small", "input": "a bell"}}'
    )
    file = client.files.create(file=("lines.jsonl", line), purpose="batch")
    started = client.batches.create(
        input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
    )
    ended = until(
        lambda: client.batches.retrieve(started.id),
        lambda batch: batch.status in ("completed", "failed", "expired"),
    )
    assert ended.status == "completed", ended
    assert b'"custom_id":"1"' in client.files.content(str(ended.output_file_id)).read()
    assert len(blobs_in(store)) >= 3


def test_no_process_keeps_an_object_on_its_disk(fleet: Fleet) -> None:
    assert not (fleet.platform.data / "objects").exists()
    assert "Traceback" not in fleet.said()


def test_the_gateway_is_unready_while_the_bucket_is_away(fleet: Fleet, store: Any) -> None:
    """Last: what was in the bucket is gone with it."""
    url = fleet.platform.url
    assert answer(f"{url}/readyz") == 200
    for key in blobs_in(store):
        store.delete_object(Bucket=BUCKET, Key=key)
    store.delete_bucket(Bucket=BUCKET)
    assert answer(f"{url}/readyz") == 503
    with pytest.raises(ClientError, match="NoSuchBucket"):
        fleet.platform.boto3("s3").put_object(Bucket="films", Key="two.mp4", Body=b"x")
    store.create_bucket(Bucket=BUCKET)
    assert answer(f"{url}/readyz") == 200
