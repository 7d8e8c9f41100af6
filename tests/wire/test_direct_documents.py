"""Documents put into a knowledge base and taken out directly, through boto3; and chunking."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge, until

FABLE = " ".join(
    f"Sentence {n} says that the {colour} fox of hill {n} jumps over a lazy dog."
    for n, colour in enumerate(["red", "brown", "white", "grey"] * 30)
)


@pytest.fixture(scope="module")
def direct(platform: Platform) -> Knowledge:
    made = Knowledge.create(platform)
    source = made.client("bedrock-agent").create_data_source(
        knowledgeBaseId=made.id, name="direct", dataSourceConfiguration={"type": "CUSTOM"}
    )["dataSource"]["dataSourceId"]
    return Knowledge(platform, made.who, made.id, source, made.bucket)


def text(id: str, words: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    content = {
        "dataSourceType": "CUSTOM",
        "custom": {
            "customDocumentIdentifier": {"id": id},
            "sourceType": "IN_LINE",
            "inlineContent": {"type": "TEXT", "textContent": {"data": words}},
        },
    }
    inline = [{"key": key, "value": value} for key, value in attributes.items()]
    metadata = {"type": "IN_LINE_ATTRIBUTE", "inlineAttributes": inline}
    return {"content": content, **({"metadata": metadata} if inline else {})}


def named(*ids: str) -> list[dict[str, Any]]:
    return [{"dataSourceType": "CUSTOM", "custom": {"id": id}} for id in ids]


def settled(direct: Knowledge, *ids: str) -> dict[str, dict[str, Any]]:
    """The documents' details once no work is under way on them."""
    agent = direct.client("bedrock-agent")

    def look() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = agent.get_knowledge_base_documents(
            **direct.scope, documentIdentifiers=named(*ids)
        )["documentDetails"]
        return found

    done = until(
        look, lambda now: all(one["status"] in ("INDEXED", "FAILED", "NOT_FOUND") for one in now)
    )
    return {one["identifier"]["custom"]["id"]: one for one in done}


def test_documents_are_put_found_listed_and_taken_out(direct: Knowledge) -> None:
    agent = direct.client("bedrock-agent")
    put = agent.ingest_knowledge_base_documents(
        **direct.scope,
        documents=[
            text(
                "walnut",
                "Walnut trees drop their fruit in October.",
                kind={"type": "STRING", "stringValue": "tree"},
                height={"type": "NUMBER", "numberValue": 25},
                evergreen={"type": "BOOLEAN", "booleanValue": False},
                uses={"type": "STRING_LIST", "stringListValue": ["wood", "nuts"]},
            ),
            text("otter", "Otters hold hands while they sleep."),
        ],
    )["documentDetails"]
    assert {one["status"] for one in put} == {"STARTING"}
    assert {one["status"] for one in settled(direct, "walnut", "otter").values()} == {"INDEXED"}

    [walnut] = direct.retrieve("fruit", filter={"listContains": {"key": "uses", "value": "nuts"}})
    assert walnut["location"] == {"type": "CUSTOM", "customDocumentLocation": {"id": "walnut"}}
    assert walnut["metadata"]["height"] == 25
    assert walnut["metadata"]["evergreen"] is False

    listed = agent.list_knowledge_base_documents(**direct.scope, maxResults=1)
    rest = agent.list_knowledge_base_documents(**direct.scope, nextToken=listed["nextToken"])
    both = listed["documentDetails"] + rest["documentDetails"]
    assert [one["identifier"]["custom"]["id"] for one in both] == ["otter", "walnut"]

    gone = agent.delete_knowledge_base_documents(
        **direct.scope, documentIdentifiers=named("walnut", "never")
    )["documentDetails"]
    assert [one["status"] for one in gone] == ["DELETING", "NOT_FOUND"]
    assert settled(direct, "walnut")["walnut"]["status"] == "NOT_FOUND"
    assert all("Walnut" not in one["content"]["text"] for one in direct.retrieve("Walnut trees"))


def test_a_document_is_replaced_whole(direct: Knowledge) -> None:
    agent = direct.client("bedrock-agent")
    for words in ("The harbour opens at six.", "The harbour opens at nine."):
        agent.ingest_knowledge_base_documents(**direct.scope, documents=[text("hours", words)])
        settled(direct, "hours")
    found = [one["content"]["text"] for one in direct.retrieve("When does the harbour open?")]
    assert "The harbour opens at nine." in found
    assert "The harbour opens at six." not in found


def test_content_comes_from_s3_and_in_bytes(direct: Knowledge) -> None:
    uri = direct.put("kiln.txt", "The kiln is fired on Fridays.")
    s3 = {"sourceType": "S3_LOCATION", "s3Location": {"uri": uri}}
    inline = {"mimeType": "text/html", "data": b"<p>The loom is idle on Mondays.</p>"}
    in_bytes = {
        "sourceType": "IN_LINE",
        "inlineContent": {"type": "BYTE", "byteContent": inline},
    }
    direct.client("bedrock-agent").ingest_knowledge_base_documents(
        **direct.scope,
        documents=[
            {
                "content": {
                    "dataSourceType": "CUSTOM",
                    "custom": {"customDocumentIdentifier": {"id": id}, **content},
                }
            }
            for id, content in (("kiln", s3), ("loom", in_bytes))
        ],
    )
    assert {one["status"] for one in settled(direct, "kiln", "loom").values()} == {"INDEXED"}
    assert "Mondays" in direct.retrieve("loom", 1)[0]["content"]["text"]


def test_a_refused_document_tells_the_reason_and_harms_no_other(direct: Knowledge) -> None:
    bad = text("bad", "x")
    bad["content"]["custom"]["inlineContent"] = {
        "type": "BYTE",
        "byteContent": {"mimeType": "application/pdf", "data": b"%PDF-1.7 broken"},
    }
    direct.client("bedrock-agent").ingest_knowledge_base_documents(
        **direct.scope, documents=[bad, text("good", "The mill grinds rye.")]
    )
    found = settled(direct, "bad", "good")
    assert found["bad"]["status"] == "FAILED"
    assert "PDF" in found["bad"]["statusReason"]
    assert found["good"]["status"] == "INDEXED"


def test_a_custom_source_has_nothing_to_sync(direct: Knowledge) -> None:
    with pytest.raises(ClientError) as raised:
        direct.client("bedrock-agent").start_ingestion_job(**direct.scope)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


HIERARCHY = {
    "chunkingStrategy": "HIERARCHICAL",
    "hierarchicalChunkingConfiguration": {
        "levelConfigurations": [{"maxTokens": 200}, {"maxTokens": 50}],
        "overlapTokens": 10,
    },
}
FIXED = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 100, "overlapPercentage": 20},
}
SEMANTIC = {
    "chunkingStrategy": "SEMANTIC",
    "semanticChunkingConfiguration": {
        "maxTokens": 100,
        "bufferSize": 1,
        "breakpointPercentileThreshold": 95,
    },
}


@pytest.mark.parametrize(
    "chunking",
    [None, FIXED, HIERARCHY, SEMANTIC, {"chunkingStrategy": "NONE"}],
    ids=["default", "fixed", "hierarchical", "semantic", "none"],
)
def test_chunks_are_where_they_say_in_the_source(
    platform: Platform, chunking: dict[str, Any] | None
) -> None:
    knowledge = Knowledge.create(platform, chunking=chunking)
    knowledge.put("fable.txt", FABLE)
    knowledge.sync()
    found = knowledge.retrieve("Which fox jumps over a lazy dog?", 100)
    if chunking == {"chunkingStrategy": "NONE"}:
        assert [one["content"]["text"] for one in found] == [FABLE]
    else:
        assert len(found) > 5
    covered = set()
    for one in found:
        start = int(one["metadata"]["x-undercroft-source-start"])
        end = int(one["metadata"]["x-undercroft-source-end"])
        assert FABLE[start:end] == one["content"]["text"]
        covered.update(range(start, end))
    assert "".join(FABLE[n] for n in range(len(FABLE)) if n not in covered).strip() == ""


@pytest.mark.parametrize(
    ("chunking", "member"),
    [
        ({"chunkingStrategy": "FIXED_SIZE"}, "fixedSizeChunkingConfiguration"),
        (
            {
                "chunkingStrategy": "FIXED_SIZE",
                "fixedSizeChunkingConfiguration": {"maxTokens": 100, "overlapPercentage": 100},
            },
            "overlapPercentage",
        ),
    ],
)
def test_a_bad_chunking_is_refused_by_its_member(
    platform: Platform, chunking: dict[str, Any], member: str
) -> None:
    with pytest.raises(ClientError, match=member) as raised:
        Knowledge.create(platform, chunking=chunking)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
