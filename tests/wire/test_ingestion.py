"""Ingestion jobs through boto3: what they count, what they make findable, how they are stopped."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import BY_ROW, Knowledge, until


@pytest.fixture(scope="module")
def knowledge(platform: Platform) -> Knowledge:
    """Four documents, one of them broken, synced once."""
    made = Knowledge.create(platform)
    made.put("oak.txt", "The bridge of Alder is made of oak.", metadataAttributes={"town": "Alder"})
    made.put("iron.md", "# Bridges\n\nThe bridge of Birch is made of iron.")
    made.put("gone.txt", "The bridge of Cedar is made of rope.")
    made.put("broken.pdf", b"%PDF-1.4 and nothing else")
    return made


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [one["content"]["text"] for one in found]


def test_every_kind_of_change_is_counted_and_found(knowledge: Knowledge) -> None:
    first = knowledge.ingest()
    assert counted(first) == {"Scanned": 4, "MetadataScanned": 1, "New": 3, "Failed": 1}
    assert first["status"] == "COMPLETE"
    [reason] = first["failureReasons"]
    assert reason.startswith(f"s3://{knowledge.bucket}/broken.pdf: ")

    assert counted(knowledge.ingest()) == {"Scanned": 4, "MetadataScanned": 1, "Failed": 1}

    knowledge.put("oak.txt", "The bridge of Alder is made of stone now.")
    knowledge.put("iron.md.metadata.json", b'{"metadataAttributes": {"town": "Birch"}}')
    knowledge.put(
        "new.html", "<html><body><p>The bridge of Elm is made of brick.</p></body></html>"
    )
    knowledge.remove("gone.txt", "broken.pdf")
    assert counted(knowledge.ingest()) == {
        "Scanned": 3,
        "MetadataScanned": 2,
        "New": 1,
        "Modified": 1,
        "MetadataModified": 1,
        "Deleted": 2,
    }
    found = texts(knowledge.retrieve("bridge made of", 10))
    assert any("stone now" in text for text in found)
    assert any("brick" in text for text in found)
    assert not any("oak" in text or "rope" in text for text in found)
    birch = {"equals": {"key": "town", "value": "Birch"}}
    assert len(knowledge.retrieve("bridge", filter=birch)) == 1

    knowledge.remove("oak.txt")
    assert counted(knowledge.ingest()) == {"Scanned": 2, "MetadataScanned": 1, "Deleted": 1}


def counted(job: dict[str, Any]) -> dict[str, int]:
    """Statistics without the zeros, in short words."""
    words = {
        "numberOfDocumentsScanned": "Scanned",
        "numberOfMetadataDocumentsScanned": "MetadataScanned",
        "numberOfNewDocumentsIndexed": "New",
        "numberOfModifiedDocumentsIndexed": "Modified",
        "numberOfMetadataDocumentsModified": "MetadataModified",
        "numberOfDocumentsDeleted": "Deleted",
        "numberOfDocumentsFailed": "Failed",
        "numberOfDocumentsSkipped": "Skipped",
    }
    return {words[name]: number for name, number in job["statistics"].items() if number}


def test_a_sidecar_that_is_left_behind_is_never_findable(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.put("person.txt", "Ada wrote it.", metadataAttributes={"born": "10 December 1815"})
    knowledge.sync()
    knowledge.remove("person.txt")
    assert knowledge.sync() == {"numberOfDocumentsDeleted": 1}
    assert knowledge.retrieve("born December") == []


def test_a_bad_sidecar_fails_its_document_only(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.put("good.txt", "The bridge of Alder is made of oak.")
    knowledge.put("bad.txt", "The bridge of Birch is made of iron.")
    knowledge.put("bad.txt.metadata.json", b"{not json")
    job = knowledge.ingest()
    assert counted(job) == {"Scanned": 2, "MetadataScanned": 1, "New": 1, "Failed": 1}
    assert "metadata" in job["failureReasons"][0]
    knowledge.put("bad.txt.metadata.json", b'{"metadataAttributes": {"town": "Birch"}}')
    assert counted(knowledge.ingest())["New"] == 1


def test_a_csv_is_read_row_by_row(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    rows = "email,about,city,secret\r\n" + "".join(
        f'person{n}@example.org,"Person {n}, of street {n}, keeps bees.",City{n},s{n}\r\n'
        for n in range(20)
    )
    knowledge.put("people.csv", rows, documentStructureConfiguration=BY_ROW)
    knowledge.sync()
    at = {"equals": {"key": "email", "value": "person7@example.org"}}
    [found] = knowledge.retrieve("bees", 100, filter=at)
    assert found["content"]["text"] == "Person 7, of street 7, keeps bees."
    assert found["metadata"]["city"] == "City7"
    assert "secret" not in found["metadata"]
    assert len(knowledge.retrieve("bees", 100)) == 20


def test_jobs_are_listed_by_state_and_newest_first(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    agent = knowledge.client("bedrock-agent")
    made = [knowledge.ingest()["ingestionJobId"] for _ in range(3)]
    listed = agent.list_ingestion_jobs(
        **knowledge.scope,
        filters=[{"attribute": "STATUS", "operator": "EQ", "values": ["COMPLETE"]}],
        sortBy={"attribute": "STARTED_AT", "order": "DESCENDING"},
        maxResults=2,
    )
    rest = agent.list_ingestion_jobs(**knowledge.scope, maxResults=2, nextToken=listed["nextToken"])
    found = listed["ingestionJobSummaries"] + rest["ingestionJobSummaries"]
    assert [one["ingestionJobId"] for one in found] == made[::-1]
    failed = [{"attribute": "STATUS", "operator": "EQ", "values": ["FAILED"]}]
    assert not agent.list_ingestion_jobs(**knowledge.scope, filters=failed)["ingestionJobSummaries"]


def test_a_job_is_stopped_and_the_next_one_ends_right(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    for n in range(60):
        knowledge.put(f"{n}.txt", f"The bridge number {n} is made of oak. " * 40)
    agent = knowledge.client("bedrock-agent")
    job = agent.start_ingestion_job(**knowledge.scope)["ingestionJob"]
    with pytest.raises(ClientError) as raised:
        agent.start_ingestion_job(**knowledge.scope)
    assert raised.value.response["Error"]["Code"] == "ConflictException"
    named = {**knowledge.scope, "ingestionJobId": job["ingestionJobId"]}
    stopped = agent.stop_ingestion_job(**named)["ingestionJob"]
    assert stopped["status"] in ("STOPPING", "STOPPED")
    until(
        lambda: agent.get_ingestion_job(**named)["ingestionJob"]["status"],
        lambda status: status == "STOPPED",
    )
    rest = counted(knowledge.ingest())
    assert rest["Scanned"] == 60
    assert len(knowledge.retrieve("bridge", 100)) >= 60
    assert counted(knowledge.ingest()) == {"Scanned": 60}


def test_the_same_client_token_starts_one_job(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    agent = knowledge.client("bedrock-agent")
    token = "a" * 40
    first = agent.start_ingestion_job(**knowledge.scope, clientToken=token)["ingestionJob"]
    again = agent.start_ingestion_job(**knowledge.scope, clientToken=token)["ingestionJob"]
    assert first["ingestionJobId"] == again["ingestionJobId"]


def test_a_bucket_that_is_gone_fails_the_job_with_the_reason(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.client("s3").delete_bucket(Bucket=knowledge.bucket)
    job = knowledge.ingest()
    assert job["status"] == "FAILED"
    assert knowledge.bucket in job["failureReasons"][0]
