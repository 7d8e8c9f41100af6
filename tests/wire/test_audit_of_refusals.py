"""What was refused of a known caller is in its audit trail too, at every door."""

import json
from typing import Any

import httpx
import openai
import pytest

from tests.support.platform import Credentials, Platform
from tests.wire.bedrock_models import scripted_platform
from tests.wire.knowledge import Knowledge, unique, until
from tests.wire.test_audit_trail import trail

Entry = tuple[str, str, str]


def entries(platform: Platform, who: Credentials, operation: str) -> list[Entry]:
    found = trail(platform, who, operation)
    return [(one["operation"], one["resource"], one["outcome"]) for one in found]


@pytest.fixture(scope="module")
def narrow(platform: Platform) -> Credentials:
    """A key that may read its trail and nothing else."""
    return platform.keys(unique("narrow"), "--scope", "rest:audit")


def test_a_key_without_the_right_is_noted(platform: Platform, narrow: Credentials) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        platform.openai(narrow).models.retrieve("some/model")
    answer = httpx.get(f"{platform.url}/api/v1/jobs/some-job", headers=platform.rest(narrow))
    assert answer.status_code == 403
    denied = "permission_denied"
    assert entries(platform, narrow, "GetModel") == [("openai:GetModel", "some/model", denied)]
    assert entries(platform, narrow, "get_job") == [("rest:get_job", "some-job", denied)]


def test_what_the_openai_door_refuses_is_noted(platform: Platform) -> None:
    who = platform.keys(unique("refused"))
    client = platform.openai(who)
    with pytest.raises(openai.NotFoundError):
        client.post("/absent", body={}, cast_to=object)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve("file-absent")
    with pytest.raises(openai.APIStatusError):
        client.post("/embeddings", content=b" " * (33 * 2**20), cast_to=object)
    assert [e for e in entries(platform, who, "") if not e[0].startswith("rest:")] == [
        ("unknown", "", "not_found"),
        ("openai:GetFile", "file-absent", "not_found"),
        ("openai:CreateEmbeddings", "*", "payload_too_large"),
    ]


def test_what_the_rest_door_refuses_is_noted(platform: Platform) -> None:
    who = platform.keys(unique("refused"))
    with httpx.Client(base_url=f"{platform.url}/api/v1", headers=platform.rest(who)) as rest:
        assert rest.get("/jobs/absent-job").status_code == 404
        assert rest.get("/audit?last=0").status_code == 400
    assert entries(platform, who, "rest:")[:2] == [
        ("rest:get_job", "absent-job", "not_found"),
        ("rest:audit", "*", "invalid_request"),
    ]


def test_a_tenant_over_its_limit_leaves_its_attempts_in_the_trail(platform: Platform) -> None:
    tenant = unique("hasty")
    who = platform.keys(tenant)
    platform.run("limits", "set", "--tenant", tenant, "--requests", "1")
    client = platform.openai(who)

    def status() -> int:
        return client.models.with_raw_response.list().status_code

    with pytest.raises(openai.RateLimitError):
        until(status, lambda _: False, 10)
    whoami = httpx.get(f"{platform.url}/api/v1/whoami", headers=platform.rest(who))
    assert whoami.status_code == 429
    platform.run("limits", "set", "--tenant", tenant, "--requests", "1000000")
    until(lambda: _may_read(platform, who), bool, 10)
    limited = "rate_limited"
    assert ("openai:ListModels", "*", limited) in entries(platform, who, "ListModels")
    assert ("rest:whoami", "*", limited) in entries(platform, who, "whoami")


def _may_read(platform: Platform, who: Credentials) -> bool:
    url = f"{platform.url}/api/v1/audit"
    return httpx.get(url, headers=platform.rest(who)).status_code == 200


def test_an_answer_that_breaks_over_rest_is_noted_as_broken(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with scripted_platform(tmp_path_factory.mktemp("scripted")) as scripted:
        knowledge = Knowledge.create(scripted.platform)
        knowledge.put("a.txt", "The bridge of Alder is made of oak.")
        knowledge.sync()
        at = f"/api/v1/search/knowledge-bases/{knowledge.id}/answer/stream"
        ask: dict[str, Any] = {"model": "scripted", "question": "The bridge of Alder? [[cut]]"}
        answer = httpx.post(
            scripted.platform.url + at, json=ask, headers=scripted.platform.rest(), timeout=30
        )
        assert answer.status_code == 200
        *_, last = answer.text.strip().split("\n\n")
        name, _, data = last.partition("\n")
        assert name == "event: error"
        assert json.loads(data.removeprefix("data: "))["code"] == "upstream_failed"
        noted = entries(scripted.platform, scripted.platform.owner, "answer_stream")
        assert noted == [("rest:answer_stream", knowledge.id, "upstream_failed")]
