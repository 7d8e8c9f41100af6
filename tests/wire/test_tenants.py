"""Two tenants over every route: another's is exactly like absent, and in no list."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from gateway.aws.protocol import models
from gateway.aws.protocol.identity import OperationId
from gateway.aws.served import SERVED
from tests.support.platform import Credentials, Platform
from tests.wire.knowledge import (
    CLAUDE,
    ROLE,
    Knowledge,
    s3_configuration,
    unique,
    vector_configuration,
)

ABSENT = {
    "knowledge_base": "ABSENT0000",
    "data_source": "ABSENT0001",
    "ingestion": "ABSENT0002",
    "job": "00000000-0000-7000-8000-000000000000",
    "session": "00000000-0000-4000-8000-000000000000",
    "bucket": "absent-bucket-of-nobody",
    "key": "absent.txt",
    "arn": "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/ABSENT0000",
}


@dataclass(frozen=True)
class Owned:
    """What tenant A has, by the names that routes give it."""

    knowledge: Knowledge
    ids: dict[str, str]


@pytest.fixture(scope="module")
def owned(platform: Platform) -> Owned:
    knowledge = Knowledge.create(platform, platform.keys(unique("owner")))
    knowledge.put("secret.txt", "The vault of tenant A opens at midnight.")
    job = knowledge.ingest()
    session = knowledge.ask("When does the vault open?")["sessionId"]
    agent = knowledge.client("bedrock-agent")
    base = agent.get_knowledge_base(knowledgeBaseId=knowledge.id)["knowledgeBase"]
    headers = platform.rest(knowledge.who)
    jobs = httpx.get(f"{platform.url}/api/v1/jobs", headers=headers).json()["items"]
    ids = {
        "knowledge_base": knowledge.id,
        "data_source": knowledge.source,
        "ingestion": job["ingestionJobId"],
        "job": jobs[0]["id"],
        "session": session,
        "bucket": knowledge.bucket,
        "key": "secret.txt",
        "arn": base["knowledgeBaseArn"],
    }
    return Owned(knowledge, ids)


@pytest.fixture(scope="module")
def stranger(platform: Platform) -> Credentials:
    return platform.keys(unique("stranger"))


BODIES: dict[str, dict[str, Any]] = {
    "update_knowledge_base": {"name": "stolen"},
    "create_data_source": {"name": "mine", "source": {"type": "CUSTOM"}},
    "update_data_source": {"name": "mine", "source": {"type": "CUSTOM"}},
    "start_ingestion": {},
    "put_documents": {"documents": [{"id": "x", "content": "eA=="}]},
    "get_documents": {"ids": ["x"]},
    "delete_documents": {"ids": ["x"]},
    "retrieve": {"query": "vault"},
    "answer": {"question": "When does the vault open?"},
    "answer_stream": {"question": "When does the vault open?"},
}


def rest_routes(platform: Platform) -> Iterator[tuple[str, str, str]]:
    """All that name something, but adapters, which test_adapters.py has with a base model."""
    document = httpx.get(f"{platform.url}/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            if "{" in path and "/adapters/" not in path:
                yield method.upper(), path, route["operationId"]


def test_rest_tells_another_s_like_absent(
    platform: Platform, owned: Owned, stranger: Credentials
) -> None:
    routes = list(rest_routes(platform))
    assert len(routes) > 20
    with httpx.Client(base_url=platform.url, headers=platform.rest(stranger)) as client:
        for method, path, name in routes:
            body = BODIES.get(name)
            answers = [
                client.request(method, path.format(**ids), json=body) for ids in (owned.ids, ABSENT)
            ]
            foreign, absent = (
                _told(one, ids) for one, ids in zip(answers, (owned.ids, ABSENT), strict=True)
            )
            assert foreign == absent, f"{method} {path}"
            if name != "end_session":  # ends what is not there too
                assert 400 <= answers[0].status_code < 500, f"{method} {path}"


def _told(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, str]:
    return answer.status_code, _normal(answer.text, ids)


def _normal(text: str, ids: dict[str, str]) -> str:
    """Without the ids, and without what differs between any two requests."""
    for id in sorted(ids.values(), key=len, reverse=True):
        text = text.replace(id, "ID")
    return re.sub(r'"request_id":"\w*"', "", text)


def test_nothing_of_another_is_in_a_list(platform: Platform, owned: Owned) -> None:
    """Of one who has asked for nothing yet: what one asks for is in one's own audit trail."""
    stranger = platform.keys(unique("bystander"))
    with httpx.Client(base_url=platform.url, headers=platform.rest(stranger)) as client:
        for path in ("search/knowledge-bases", "jobs", "usage", "audit", "whoami"):
            answer = client.get(f"/api/v1/{path}")
            assert answer.status_code in (200, 404)
            assert not [id for id in owned.ids.values() if id in answer.text], path
    agent, s3 = platform.boto3("bedrock-agent", stranger), platform.boto3("s3", stranger)
    assert agent.list_knowledge_bases()["knowledgeBaseSummaries"] == []
    assert s3.list_buckets()["Buckets"] == []


IDS = {
    "knowledgeBaseId": "knowledge_base",
    "dataSourceId": "data_source",
    "ingestionJobId": "ingestion",
    "sessionId": "session",
    "Bucket": "bucket",
    "Key": "key",
    "resourceArn": "arn",
}
DOCUMENT = {
    "content": {
        "dataSourceType": "CUSTOM",
        "custom": {
            "customDocumentIdentifier": {"id": "x"},
            "sourceType": "IN_LINE",
            "inlineContent": {"type": "TEXT", "textContent": {"data": "x"}},
        },
    }
}
CREATES = ("CreateBucket", "PostObject")


def named_by_id() -> list[OperationId]:
    """Every operation served that names something of a tenant's; what creates it aside."""
    return [
        id
        for id in sorted(SERVED, key=str)
        if id.name not in CREATES
        and IDS.keys() & models.service(id.service).operation(id.name).input.members.keys()
    ]


@pytest.mark.parametrize("id", named_by_id(), ids=str)
def test_aws_tells_another_s_like_absent(
    platform: Platform, owned: Owned, stranger: Credentials, id: OperationId
) -> None:
    client = platform.boto3(id.service, stranger, parameter_validation=False)
    shape = models.service(id.service).operation(id.name).input
    method = next(m for m, name in client.meta.method_to_api_mapping.items() if name == id.name)
    told = []
    for ids in (owned.ids, ABSENT):
        with pytest.raises(ClientError) as raised:
            getattr(client, method)(**_parameters(shape, ids))
        told.append(_normal(str(raised.value.response["Error"]), ids))
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404, told
    assert told[0] == told[1]


def test_another_s_object_is_no_source_of_a_copy(
    platform: Platform, owned: Owned, stranger: Credentials
) -> None:
    s3, mine = platform.boto3("s3", stranger), unique("mine")
    s3.create_bucket(Bucket=mine)
    told = []
    for ids in (owned.ids, ABSENT):
        with pytest.raises(ClientError) as raised:
            s3.copy_object(
                Bucket=mine, Key="k", CopySource={"Bucket": ids["bucket"], "Key": ids["key"]}
            )
        told.append(_normal(str(raised.value.response["Error"]), ids))
    assert told[0] == told[1]
    assert "NoSuchBucket" in told[0]


def test_another_s_bucket_is_no_source_of_knowledge(
    platform: Platform, owned: Owned, stranger: Credentials
) -> None:
    agent = platform.boto3("bedrock-agent", stranger)
    knowledge = Knowledge.create(platform, stranger)
    told = []
    for ids in (owned.ids, ABSENT):
        source = agent.create_data_source(
            knowledgeBaseId=knowledge.id,
            name=unique("taken"),
            dataSourceConfiguration=s3_configuration(ids["bucket"]),
        )["dataSource"]["dataSourceId"]
        job = Knowledge(platform, stranger, knowledge.id, source, ids["bucket"]).ingest()
        told.append(_normal(f"{job['status']} {job['failureReasons']}", ids))
    assert told[0] == told[1]
    assert told[0].startswith("FAILED")
    assert knowledge.retrieve("vault") == []


def _parameters(shape: Any, ids: dict[str, str]) -> dict[str, Any]:
    """The smallest input that is valid, with these ids."""
    base = {"knowledgeBaseId": ids["knowledge_base"], "modelArn": CLAUDE}
    given: dict[str, Any] = {
        **{name: ids[what] for name, what in IDS.items()},
        "retrievalQuery": {"text": "vault"},
        "input": {"text": "When does the vault open?"},
        "retrieveAndGenerateConfiguration": {
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": base,
        },
        "name": "stolen",
        "roleArn": ROLE,
        "knowledgeBaseConfiguration": vector_configuration(),
        "dataSourceConfiguration": {"type": "CUSTOM"},
        "documentIdentifiers": [{"dataSourceType": "CUSTOM", "custom": {"id": "x"}}],
        "documents": [DOCUMENT],
        "CopySource": f"{ids['bucket']}/{ids['key']}",
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    wanted = {*shape.required_members, "Key", "knowledgeBaseId", "retrieveAndGenerateConfiguration"}
    return {
        name: given[name] if name in given else _least(member)
        for name, member in shape.members.items()
        if name in wanted
    }


def _least(shape: Any) -> Any:
    if shape.type_name == "structure":
        return {name: _least(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [_least(shape.member)] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "map":
        return {"a": "b"}
    if shape.type_name == "string":
        return (
            shape.enum[0] if shape.enum else "abcdefghij" * -(-shape.metadata.get("min", 1) // 10)
        )
    return {"blob": b"a", "boolean": False}.get(shape.type_name, 1)
