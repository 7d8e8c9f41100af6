"""The REST API: every route of its own document once, its errors, its events, and health."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.platform import Platform
from tests.wire.knowledge import unique, until

SEARCH = "/api/v1/search/knowledge-bases"


@pytest.fixture(scope="module")
def rest(platform: Platform) -> Iterator[httpx.Client]:
    headers = platform.rest()
    with httpx.Client(base_url=platform.url, headers=headers, timeout=30) as client:
        yield client


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["detail"]
    return told


def test_a_knowledge_base_lives_and_ends_over_rest(platform: Platform, rest: httpx.Client) -> None:
    bucket = unique("rest")
    s3 = platform.boto3("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"The bridge of Alder is made of oak.")

    base = ok(rest.post(SEARCH, json={"name": unique("rest")}), 201)
    at = f"{SEARCH}/{base['id']}"
    assert ok(rest.get(at)) == base
    assert base["id"] in {one["id"] for one in ok(rest.get(SEARCH))["items"]}
    renamed = {**base["spec"], "name": unique("renamed"), "min_score": 0.1}
    assert ok(rest.put(at, json=renamed))["spec"]["min_score"] == 0.1

    spec = {"name": "bucket", "source": {"type": "S3", "bucket": bucket}}
    source = ok(rest.post(f"{at}/data-sources", json=spec), 201)
    of = f"{at}/data-sources/{source['id']}"
    assert ok(rest.get(of)) == source
    assert [one["id"] for one in ok(rest.get(f"{at}/data-sources"))["items"]] == [source["id"]]
    assert ok(rest.put(of, json={**spec, "description": "oak"}))["spec"]["description"] == "oak"

    ingestion = ok(rest.post(f"{of}/ingestions", json={"description": "first"}), 202)
    followed = events(rest, ingestion["job"])
    assert followed[0]["event"] == "accepted"
    assert followed[-1]["event"] == "succeeded"
    assert [one["seq"] for one in followed] == sorted({one["seq"] for one in followed})
    done = ok(rest.get(f"{of}/ingestions/{ingestion['id']}"))
    assert (done["status"], done["statistics"]["new"]) == ("COMPLETE", 1)
    assert [one["id"] for one in ok(rest.get(f"{of}/ingestions"))["items"]] == [ingestion["id"]]
    problem(rest.post(f"{of}/ingestions/{ingestion['id']}/stop"), 409, "conflict")

    found = ok(rest.post(f"{at}/retrieve", json={"query": "bridge"}))["items"]
    assert found[0]["text"] == "The bridge of Alder is made of oak."
    question = {"question": "What is the bridge of Alder made of?"}
    answered = ok(rest.post(f"{at}/answer", json=question))
    assert "oak" in answered["text"]
    streamed = rest.post(f"{at}/answer/stream", json=question)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    lines = [json.loads(line[6:]) for line in streamed.text.splitlines() if line]
    assert "".join(line.get("text", "") for line in lines) == answered["text"]
    ok(rest.delete(f"{at}/sessions/{answered['session']}"))
    again = rest.post(f"{at}/answer", json={**question, "session": answered["session"]})
    problem(again, 400, "invalid_request")

    assert ok(rest.delete(of), 202)["status"] == "DELETING"
    until(lambda: ok(rest.get(f"{at}/data-sources"))["items"], lambda left: not left)
    assert ok(rest.delete(at), 202)["status"] == "DELETING"
    until(lambda: rest.get(at).status_code, lambda status: status == 404)


def events(rest: httpx.Client, job: str) -> list[dict[str, Any]]:
    """Every event of a job, each with its number as the event's id; the stream ends by itself."""
    with rest.stream("GET", f"/api/v1/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    found = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [line for line in lines if line.startswith("id: ")] == [
        f"id: {event['seq']}" for event in found
    ]
    return found


def test_documents_go_in_and_out_over_rest(rest: httpx.Client) -> None:
    base = ok(rest.post(SEARCH, json={"name": unique("direct")}), 201)["id"]
    spec = {"name": "direct", "source": {"type": "CUSTOM"}}
    source = ok(rest.post(f"{SEARCH}/{base}/data-sources", json=spec), 201)["id"]
    of = f"{SEARCH}/{base}/data-sources/{source}/documents"
    oak = {"id": "oak", "content": "VGhlIG9hayBpcyBvbGQu", "attributes": {"kind": "tree"}}
    assert ok(rest.put(of, json={"documents": [oak]}), 202)["items"][0]["status"] == "STARTING"
    until(
        lambda: ok(rest.post(f"{of}/get", json={"ids": ["oak"]}))["items"][0]["status"],
        lambda status: status == "INDEXED",
    )
    assert [one["id"] for one in ok(rest.get(of))["items"]] == ["oak"]
    ok(rest.post(f"{of}/delete", json={"ids": ["oak"]}), 202)
    until(lambda: ok(rest.get(of))["items"], lambda left: not left)


def test_jobs_are_listed_shown_and_not_cancelled_twice(rest: httpx.Client) -> None:
    listed = ok(rest.get("/api/v1/jobs", params={"limit": 1, "state": "succeeded"}))
    [job] = listed["items"]
    assert ok(rest.get(f"/api/v1/jobs/{job['id']}")) == job
    after = ok(rest.get("/api/v1/jobs", params={"after": listed["next_cursor"], "limit": 1}))
    assert job["id"] not in {one["id"] for one in after["items"]}
    problem(rest.post(f"/api/v1/jobs/{job['id']}/cancel"), 409, "conflict")
    problem(rest.post(f"/api/v1/jobs/{job['id']}/retry"), 409, "conflict")


def test_an_account_knows_itself_its_usage_and_its_models(rest: httpx.Client) -> None:
    who = ok(rest.get("/api/v1/whoami"))
    assert len(who["account"]) == 12
    vectors = ok(
        rest.post("/api/v1/search/embeddings", json={"model": "all-minilm-l6-v2", "texts": ["oak"]})
    )
    assert vectors["dimension"] == 384
    used = ok(rest.get("/api/v1/usage"))["items"]
    assert "rest:whoami" in {one["operation"] for one in used}
    names = {
        name for one in ok(rest.get("/api/v1/models")) for name in (one["id"], *one["aliases"])
    }
    assert {"anthropic.claude-v2", "all-minilm-l6-v2"} <= names
    covered = {
        (one["service"], one["operation"]): one["status"]
        for one in ok(rest.get("/api/v1/compatibility"))
    }
    assert covered["bedrock-agent-runtime", "Retrieve"] == "partial"
    assert covered["bedrock-runtime", "ListAsyncInvokes"] == "absent"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/docs", "/openapi.json"])
def test_health_and_docs_need_no_key(platform: Platform, path: str) -> None:
    assert httpx.get(platform.url + path).status_code == 200


def test_the_docs_page_needs_no_network(platform: Platform) -> None:
    page = httpx.get(f"{platform.url}/docs").text
    assert "https://" not in page
    assert httpx.get(f"{platform.url}/docs/static/swagger-ui-bundle.js").status_code == 200


def test_refusals_are_problems(platform: Platform, rest: httpx.Client) -> None:
    problem(httpx.get(f"{platform.url}/api/v1/whoami"), 401, "unauthenticated")
    wrong = {"authorization": "Bearer sk-wrong"}
    problem(httpx.get(f"{platform.url}/api/v1/whoami", headers=wrong), 401, "unauthenticated")
    problem(rest.get("/api/v1/absent"), 404, "not_found")
    problem(rest.put("/api/v1/whoami"), 405, "method_not_allowed")
    problem(rest.get(f"{SEARCH}/ABSENT0000"), 404, "not_found")
    problem(rest.get("/api/v1/jobs/absent"), 404, "not_found")
    assert problem(rest.get(f"{SEARCH}/bad.id"), 400, "invalid_request")["param"]
    assert problem(rest.post(SEARCH, json={}), 400, "invalid_request")["param"] == "name"
    problem(rest.post(SEARCH, content=b"{"), 400, "invalid_request")
    query = {"query": "a", "options": {"results": 101}}
    told = problem(rest.post(f"{SEARCH}/ABSENT0000/retrieve", json=query), 400, "invalid_request")
    assert told["param"] == "options.results"


def test_a_body_over_the_limit_is_refused(rest: httpx.Client) -> None:
    began = time.monotonic()
    problem(rest.post(SEARCH, content=b" " * (40 * 2**20)), 413, "payload_too_large")
    unstated = (b" " * 2**20 for _ in range(40))
    problem(rest.post(SEARCH, content=unstated), 413, "payload_too_large")
    assert time.monotonic() - began < 10
    problem(rest.post(SEARCH, content=b'{"name": "\xff"}'), 400, "invalid_request")


def test_a_request_has_an_id_to_ask_about(rest: httpx.Client) -> None:
    answer = rest.get(f"{SEARCH}/ABSENT0000")
    assert problem(answer, 404, "not_found")["request_id"] == answer.headers["x-request-id"]
    assert rest.get("/livez").headers["x-request-id"] != answer.headers["x-request-id"]
