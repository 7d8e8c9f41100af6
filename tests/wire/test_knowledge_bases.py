"""Knowledge bases and data sources through boto3: made, listed, changed, tagged, taken away."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import (
    ROLE,
    Knowledge,
    s3_configuration,
    unique,
    until,
    vector_configuration,
)


@pytest.fixture(scope="module")
def agent(platform: Platform) -> Any:
    return platform.boto3("bedrock-agent")


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def create(agent: Any, **members: Any) -> dict[str, Any]:
    base = {"name": unique("kb"), "roleArn": ROLE}
    made: dict[str, Any] = agent.create_knowledge_base(
        **{**base, "knowledgeBaseConfiguration": vector_configuration(), **members}
    )["knowledgeBase"]
    return made


def test_a_knowledge_base_is_echoed_as_it_was_asked_for(agent: Any) -> None:
    storage = {
        "type": "OPENSEARCH_SERVERLESS",
        "opensearchServerlessConfiguration": {
            "collectionArn": "arn:aws:aoss:us-east-1:000000000000:collection/abcdefghij0123456789",
            "vectorIndexName": "index",
            "fieldMapping": {"vectorField": "v", "textField": "t", "metadataField": "m"},
        },
    }
    made = create(agent, description="What we know.", storageConfiguration=storage)
    found = agent.get_knowledge_base(knowledgeBaseId=made["knowledgeBaseId"])["knowledgeBase"]
    assert found == made
    assert found["status"] == "ACTIVE"
    assert found["roleArn"] == ROLE
    assert found["storageConfiguration"] == storage
    assert found["knowledgeBaseConfiguration"] == vector_configuration()
    assert found["knowledgeBaseArn"].endswith(f":knowledge-base/{made['knowledgeBaseId']}")


def test_a_client_token_makes_one_knowledge_base(agent: Any) -> None:
    token = unique("token") + "-0123456789abcdefghij"
    first = create(agent, name="once-" + token[:20], clientToken=token)
    again = create(agent, name="once-" + token[:20], clientToken=token)
    assert again["knowledgeBaseId"] == first["knowledgeBaseId"]


def test_a_name_is_taken_once(agent: Any) -> None:
    name = create(agent)["name"]
    with pytest.raises(ClientError) as raised:
        create(agent, name=name)
    assert code(raised) == "ConflictException"


def test_an_unknown_embedding_model_is_named(agent: Any) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v99"
    with pytest.raises(ClientError, match="titan-embed-text-v99"):
        create(agent, knowledgeBaseConfiguration=vector_configuration(arn))


def test_lists_come_in_pages_that_miss_nothing(platform: Platform) -> None:
    agent = platform.boto3("bedrock-agent", platform.keys(unique("pages")))
    made = {create(agent)["knowledgeBaseId"] for _ in range(5)}
    pages = list(
        agent.get_paginator("list_knowledge_bases").paginate(PaginationConfig={"PageSize": 2})
    )
    found = [one["knowledgeBaseId"] for page in pages for one in page["knowledgeBaseSummaries"]]
    assert [len(page["knowledgeBaseSummaries"]) for page in pages] == [2, 2, 1]
    assert sorted(found) == sorted(made)


def test_a_knowledge_base_is_changed_but_not_its_model(agent: Any) -> None:
    made = create(agent)
    change = {"knowledgeBaseId": made["knowledgeBaseId"], "roleArn": ROLE}
    name = unique("renamed")
    changed = agent.update_knowledge_base(
        **change, name=name, knowledgeBaseConfiguration=vector_configuration()
    )["knowledgeBase"]
    assert changed["name"] == name
    assert changed["updatedAt"] >= changed["createdAt"]
    other = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2"
    with pytest.raises(ClientError) as raised:
        agent.update_knowledge_base(
            **change, name=name, knowledgeBaseConfiguration=vector_configuration(other)
        )
    assert code(raised) == "ValidationException"


def test_tags_are_set_listed_and_removed(agent: Any) -> None:
    made = create(agent, tags={"team": "search"})
    arn = made["knowledgeBaseArn"]
    agent.tag_resource(resourceArn=arn, tags={"stage": "test", "cost": "42"})
    assert agent.list_tags_for_resource(resourceArn=arn)["tags"] == {
        "team": "search",
        "stage": "test",
        "cost": "42",
    }
    agent.untag_resource(resourceArn=arn, tagKeys=["stage", "team"])
    assert agent.list_tags_for_resource(resourceArn=arn)["tags"] == {"cost": "42"}
    with pytest.raises(ClientError) as raised:
        agent.tag_resource(resourceArn=arn[:-10] + "ABSENT0000", tags={"a": "b"})
    assert code(raised) == "ResourceNotFoundException"


def test_a_data_source_lives_in_its_knowledge_base(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    agent = knowledge.client("bedrock-agent")
    found = agent.get_data_source(**knowledge.scope)["dataSource"]
    assert found["status"] == "AVAILABLE"
    assert found["dataSourceConfiguration"] == s3_configuration(knowledge.bucket)
    listed = agent.list_data_sources(knowledgeBaseId=knowledge.id)["dataSourceSummaries"]
    assert [one["dataSourceId"] for one in listed] == [knowledge.source]
    changed = agent.update_data_source(
        **knowledge.scope,
        name=unique("renamed"),
        description="Only what is published.",
        dataSourceConfiguration=s3_configuration(knowledge.bucket, "published/"),
    )["dataSource"]
    assert changed["description"] == "Only what is published."
    knowledge.put("draft/a.txt", "The draft says that the bridge is made of glass.")
    knowledge.put("published/b.txt", "The bridge is made of oak.")
    assert knowledge.sync() == {"numberOfDocumentsScanned": 1, "numberOfNewDocumentsIndexed": 1}


def test_a_connector_that_is_not_served_is_refused_by_its_member(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    web = {"urlConfiguration": {"seedUrls": [{"url": "https://example.org"}]}}
    with pytest.raises(ClientError, match="WEB") as raised:
        knowledge.client("bedrock-agent").create_data_source(
            knowledgeBaseId=knowledge.id,
            name="web",
            dataSourceConfiguration={
                "type": "WEB",
                "webConfiguration": {"sourceConfiguration": web},
            },
        )
    assert code(raised) == "ValidationException"


def test_a_deleted_data_source_takes_its_passages_along(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.put("a.txt", "The lighthouse keeper counts forty-two gulls.")
    knowledge.sync()
    agent = knowledge.client("bedrock-agent")
    assert agent.delete_data_source(**knowledge.scope)["status"] == "DELETING"
    until(
        lambda: agent.list_data_sources(knowledgeBaseId=knowledge.id)["dataSourceSummaries"],
        lambda left: not left,
    )
    assert knowledge.retrieve("gulls") == []


def test_a_deleted_knowledge_base_is_absent_in_the_end(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.put("a.txt", "The lighthouse keeper counts forty-two gulls.")
    knowledge.sync()
    agent = knowledge.client("bedrock-agent")
    assert agent.delete_knowledge_base(knowledgeBaseId=knowledge.id)["status"] == "DELETING"

    def status() -> str:
        try:
            found = agent.get_knowledge_base(knowledgeBaseId=knowledge.id)["knowledgeBase"]
        except agent.exceptions.ResourceNotFoundException:
            return "absent"
        return str(found["status"])

    until(status, lambda now: now == "absent")
    assert not list((platform.data / "search" / "index").glob(f"*{knowledge.id}*"))
    with pytest.raises(ClientError) as raised:
        knowledge.retrieve("gulls")
    assert code(raised) == "ResourceNotFoundException"
