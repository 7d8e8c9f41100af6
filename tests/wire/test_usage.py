"""What the tenants' bill is made of: tokens, booked to the models that really worked."""

from collections.abc import Iterator

import httpx
import openai
import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge, unique

QUESTION = "What is the bridge made of?"
EXTRACTIVE, MINILM = "undercroft.extractive-v1", "sentence-transformers.all-minilm-l6-v2"


@pytest.fixture
def knowledge(platform: Platform) -> Knowledge:
    """Of a tenant of its own, so that what is booked is what the test did."""
    made = Knowledge.create(platform, platform.keys(unique("billed")))
    made.put("bridge.txt", "The bridge is made of oak. It was built in 1851.")
    made.sync()
    return made


@pytest.fixture
def rest(knowledge: Knowledge) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{knowledge.platform.url}/api/v1",
        headers=knowledge.platform.rest(knowledge.who),
        timeout=60,
    ) as client:
        yield client


def booked(rest: httpx.Client) -> dict[tuple[str, str], tuple[int, int]]:
    """Tokens in and out, by operation and model, where there are any or a model is named."""
    return {
        (row["operation"], row["model"]): (row["tokens_in"], row["tokens_out"])
        for row in rest.get("/usage").json()["items"]
        if row["model"] or row["tokens_in"] or row["tokens_out"]
    }


def test_questions_are_booked_at_both_doors(knowledge: Knowledge, rest: httpx.Client) -> None:
    runtime = knowledge.client("bedrock-agent-runtime")
    knowledge.retrieve(QUESTION)
    knowledge.ask(QUESTION)
    list(runtime.retrieve_and_generate_stream(**knowledge.question(QUESTION))["stream"])
    at = f"/search/knowledge-bases/{knowledge.id}"
    rest.post(f"{at}/retrieve", json={"query": QUESTION}).raise_for_status()
    rest.post(f"{at}/answer", json={"question": QUESTION}).raise_for_status()
    rest.post(f"{at}/answer/stream", json={"question": QUESTION}).raise_for_status()

    rows = booked(rest)
    aws, generation = "bedrock-agent-runtime", ("RetrieveAndGenerate", "RetrieveAndGenerateStream")
    retrievals = {(f"{aws}:Retrieve", MINILM), ("rest:retrieve", MINILM)}
    answers = {(f"{aws}:{name}", EXTRACTIVE) for name in generation}
    answers |= {(f"rest:{name}", EXTRACTIVE) for name in ("answer", "answer_stream")}
    assert set(rows) == retrievals | answers
    for retrieval in retrievals:
        assert rows[retrieval][0] > 0
        assert rows[retrieval][1] == 0
    for answer in answers:
        assert min(rows[answer]) > 0


def test_a_model_goes_by_its_own_id_and_an_invented_one_makes_no_row(
    knowledge: Knowledge, rest: httpx.Client
) -> None:
    client = knowledge.platform.openai(knowledge.who)
    client.embeddings.create(model="amazon.titan-embed-text-v1", input="oak")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="invented-1", input="oak")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(
            model="invented-2", messages=[{"role": "user", "content": "hello"}]
        )
    with pytest.raises(ClientError, match="invented-3"):
        knowledge.ask(QUESTION, modelArn="invented-3")
    at = f"/search/knowledge-bases/{knowledge.id}/answer"
    asked = {"question": QUESTION, "model": "invented-4"}
    assert rest.post(at, json=asked).status_code == 404
    assert rest.post(f"{at}/stream", json=asked).status_code == 404
    embedded = rest.post("/search/embeddings", json={"model": "invented-5", "texts": ["oak"]})
    assert embedded.status_code == 404

    assert {model for _, model in booked(rest)} == {MINILM}
