"""Only a job says that nobody waits for an answer; a caller's body cannot."""

from collections.abc import Callable
from contextlib import suppress

import orjson
import pytest

from contracts.generation.client import GenerateRequest
from contracts.generation.invocations import Target
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.body import Json
from dialects.openai.chat import ChatDialect
from dialects.openai.completions import CompletionDialect
from dialects.sagemaker.exchange import exchange
from dialects.sagemaker.said import Said
from kit.errors import InvalidRequest

MESSAGES = [{"role": "user", "content": "Oak?"}]
PARTS = [{"role": "user", "content": [{"text": "Oak?"}]}]


def invoked(name: str, body: Json) -> GenerateRequest:
    (request,) = exchange(Target(model=name), Said(), orjson.dumps(body)).requests
    return request


def family(name: str) -> Callable[[str, Json], GenerateRequest]:
    return lambda _, body: text_dialect(name).read(name, body)


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (ChatDialect().read, {"messages": MESSAGES}),
        (CompletionDialect().read, {"prompt": "Oak?"}),
        (Converse().read, {"messages": PARTS}),
        (family("anthropic.claude-3"), {"messages": MESSAGES, "max_tokens": 5,
                                        "anthropic_version": "bedrock-2023-05-31"}),
        (family("amazon.nova-pro"), {"messages": PARTS}),
        (family("amazon.titan-text"), {"inputText": "Oak?"}),
        (family("meta.llama3"), {"prompt": "Oak?"}),
        (family("mistral.mistral"), {"prompt": "Oak?"}),
        (family("cohere.command-r"), {"message": "Oak?"}),
        (family("ai21.jamba"), {"messages": MESSAGES}),
        (invoked, {"inputs": "Oak?"}),
        (invoked, {"messages": MESSAGES}),
    ],
)  # fmt: skip
def test_no_body_makes_a_request_one_that_nobody_waits_for(
    read: Callable[[str, Json], GenerateRequest], body: Json
) -> None:
    assert not read("m", body).background
    with suppress(InvalidRequest):
        assert not read("m", body | {"background": True}).background
