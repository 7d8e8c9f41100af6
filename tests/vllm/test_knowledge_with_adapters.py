"""A knowledge base's answers, written by an adapter: booked to it, and its tenant's alone."""

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.vllm.world import World
from tests.wire.knowledge import Knowledge

ARN = "arn:aws:bedrock:us-east-1::foundation-model/"
SHORT = {"inferenceConfig": {"textInferenceConfig": {"maxTokens": 12, "temperature": 0}}}


def test_an_adapter_answers_from_a_knowledge_base_and_is_booked(world: World) -> None:
    knowledge = Knowledge.create(world.platform, world.owner)
    knowledge.put("bridge.txt", "The bridge is made of oak.")
    knowledge.sync()
    names = ("tiny", f"{ARN}es", f"es@sha256:{world.digests['es']}")
    base, named, pinned = (
        knowledge.ask("What is it made of?", modelArn=name, generationConfiguration=SHORT)
        for name in names
    )
    assert named["output"]["text"] == pinned["output"]["text"] != base["output"]["text"]
    usage = httpx.get(
        f"{world.platform.url}/api/v1/usage", headers=world.platform.rest(world.owner)
    ).json()["items"]
    booked = {
        row["adapter"]: (row["model"], row["tokens_out"])
        for row in usage
        if row["operation"] == "bedrock-agent-runtime:RetrieveAndGenerate" and row["model"]
    }
    assert booked[world.digests["es"]] == ("local.tiny", 24)

    stranger = Knowledge.create(world.platform, world.platform.keys("asks-for-es"))
    with pytest.raises(ClientError, match="No text model is served under the name 'es'"):
        stranger.ask("What is it made of?", modelArn="es")
