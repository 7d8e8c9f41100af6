"""The platform as separate processes does what the embedded one does, and survives their ends."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clients import drive
from tests.support.processes import Fleet, answer
from tests.wire.knowledge import Knowledge, until

pytestmark = pytest.mark.integration
DOCUMENTS = 120


def jobs_of(fleet: Fleet, kind: str) -> list[dict[str, Any]]:
    """The tenant's jobs, newest first."""
    ask = urllib.request.Request(
        f"{fleet.platform.url}/api/v1/jobs?kind={kind}", headers=fleet.platform.rest()
    )
    with urllib.request.urlopen(ask) as reply:
        found: list[dict[str, Any]] = json.loads(reply.read())["items"]
    return found


def events_of(fleet: Fleet, job: str) -> list[str]:
    """What happened to a job that has ended."""
    ask = urllib.request.Request(
        f"{fleet.platform.url}/api/v1/jobs/{job}/events", headers=fleet.platform.rest()
    )
    with urllib.request.urlopen(ask) as reply:
        lines = reply.read().splitlines()
    told = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
    return [json.loads(line)["event"] for line in told]


def test_documents_go_from_a_bucket_over_celery_into_cited_answers_and_out_again(
    fleet: Fleet,
) -> None:
    base = Knowledge.create(fleet.platform)
    base.put("moon.txt", "The moon base Artemis opened in 2041.", metadataAttributes={"year": 2041})
    base.put("sea.txt", "The sea base Triton opened in 2038.", metadataAttributes={"year": 2038})
    assert base.sync() == {
        "numberOfDocumentsScanned": 2,
        "numberOfMetadataDocumentsScanned": 2,
        "numberOfNewDocumentsIndexed": 2,
    }
    late = base.retrieve(
        "Which base opened?", filter={"greaterThan": {"key": "year", "value": 2040}}
    )
    assert [hit["location"]["s3Location"]["uri"] for hit in late] == [
        f"s3://{base.bucket}/moon.txt"
    ]
    said = base.ask("When did the sea base Triton open?")
    assert "2038" in said["output"]["text"]
    cited = said["citations"][0]["retrievedReferences"][0]["location"]["s3Location"]["uri"]
    assert cited == f"s3://{base.bucket}/sea.txt"

    base.remove("sea.txt", "sea.txt.metadata.json")
    assert base.sync()["numberOfDocumentsDeleted"] == 1
    assert all("Triton" not in hit["content"]["text"] for hit in base.retrieve("Triton sea base"))

    agent = base.client("bedrock-agent")
    agent.delete_knowledge_base(knowledgeBaseId=base.id)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        until(
            lambda: agent.get_knowledge_base(knowledgeBaseId=base.id), lambda _: False, seconds=30
        )


def test_the_client_suite_passes(fleet: Fleet, tmp_path: Path) -> None:
    drive(fleet.platform, tmp_path)


def test_an_answer_streams_through_three_processes(fleet: Fleet) -> None:
    base = Knowledge.create(fleet.platform)
    base.put("bell.txt", "The great bell of Lund weighs nine tons. It rings at noon.")
    base.sync()
    asked = base.question("How much does the great bell of Lund weigh?")
    reply = base.client("bedrock-agent-runtime").retrieve_and_generate_stream(**asked)
    text = "".join(event["output"]["text"] for event in reply["stream"] if "output" in event)
    assert "nine tons" in text


def test_an_ingestion_whose_worker_is_killed_ends_right_at_another(fleet: Fleet) -> None:
    base = Knowledge.create(fleet.platform)
    for number in range(DOCUMENTS):
        base.put(f"{number}.txt", f"Locker {number} holds {number * 7} keys. " * 40)
    agent = base.client("bedrock-agent")
    started = agent.start_ingestion_job(**base.scope)["ingestionJob"]["ingestionJobId"]

    def job() -> dict[str, Any]:
        return jobs_of(fleet, "ingestion")[0]

    until(job, lambda job: job["progress"] is not None and job["progress"]["done"] >= 5)
    fleet["worker"].kill()
    assert job()["state"] == "running"
    fleet["worker"].start()

    def ingestion() -> dict[str, Any]:
        found = agent.get_ingestion_job(**base.scope, ingestionJobId=started)
        return dict(found["ingestionJob"])

    ended = until(ingestion, lambda found: found["status"] in ("COMPLETE", "FAILED"))
    assert ended["status"] == "COMPLETE", ended
    counted = {name: number for name, number in ended["statistics"].items() if number}
    assert counted == {
        "numberOfDocumentsScanned": DOCUMENTS,
        "numberOfNewDocumentsIndexed": DOCUMENTS,
    }
    assert events_of(fleet, job()["id"]).count("crashed") == 1
    found = base.retrieve("How many keys does locker 93 hold?", results=100)
    assert len({hit["location"]["s3Location"]["uri"] for hit in found}) == len(found)
    assert base.sync() == {"numberOfDocumentsScanned": DOCUMENTS}


def test_the_gateway_is_unready_while_a_service_is_away_and_lives_on(fleet: Fleet) -> None:
    url = fleet.platform.url
    fleet["generation"].kill()
    assert (answer(f"{url}/readyz"), answer(f"{url}/livez")) == (503, 200)
    fleet["generation"].start()
    wait_until(lambda: answer(f"{url}/readyz") == 200)


def test_a_service_answers_nobody_but_its_gateway(fleet: Fleet) -> None:
    for name, path in (("search", "/retrieve"), ("generation", "/chat")):
        ask = urllib.request.Request(f"{fleet[name].url}{path}", data=b"{}")
        ask.add_header("content-type", "application/json")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(ask)
        refused.value.close()
        assert refused.value.code == 401


def test_every_process_ends_with_0_in_time_when_it_is_told_to(fleet: Fleet) -> None:
    for name in ("gateway", "worker", "dispatcher", "search", "generation"):
        status, seconds = fleet[name].terminate()
        assert status == 0, fleet[name].said()
        assert seconds < 10, f"{name} took {seconds:.1f} s"
        assert "Traceback" not in fleet[name].said()


def wait_until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
