"""bedrock-runtime: InvokeModel in the payloads of each model's maker."""

from typing import Any

import orjson

from gateway.aws.families import claude, cohere_embed, titan_embed
from gateway.aws.families.family import Invoke, read_body
from gateway.aws.registry import Call, Parameters, Reply, errors, operation
from kit.catalogue import model_id
from kit.errors import (
    InvalidRequest,
    Unsupported,
)

SERVICE = "bedrock-runtime"
errors(SERVICE, {Unsupported: "ValidationException"})

FAMILIES: dict[str, Invoke] = {
    "amazon.titan-embed-text-v2": titan_embed.invoke_v2,
    "amazon.titan-embed": titan_embed.invoke_v1,
    "cohere.embed": cohere_embed.invoke,
    "anthropic.claude-v2": claude.invoke_text,
    "anthropic.claude-instant": claude.invoke_text,
    "anthropic.claude": claude.invoke_messages,
}
"""By the beginning of the model's id; the first that fits."""

_MISSING = "families other than Titan and Cohere text embeddings and Claude; guardrails; traces"


def _model(parameters: Parameters) -> str:
    return model_id(parameters["modelId"])


@operation(SERVICE, "InvokeModel", missing=_MISSING, resource=_model)
async def invoke_model(call: Call, parameters: Parameters) -> Reply:
    name = _model(parameters)
    model = call.backends.catalogue.find(name).id
    if parameters.get("guardrailIdentifier"):
        raise InvalidRequest("Guardrails are not served.", param="guardrailIdentifier")
    raw = parameters.get("body", b"")
    async with call.backends.metering.spending(
        call.principal, str(call.operation), model, request_bytes=len(raw)
    ) as spent:
        invoked = await _family(name)(call, name, read_body(raw))
        spent.tokens_in, spent.tokens_out = invoked.input_tokens, invoked.output_tokens
    members: dict[str, Any] = {
        "body": orjson.dumps(invoked.body),
        "contentType": "application/json",
    }
    counts = {
        "x-amzn-bedrock-input-token-count": str(invoked.input_tokens),
        "x-amzn-bedrock-output-token-count": str(invoked.output_tokens),
    }
    return Reply(members, headers=counts)


def _family(name: str) -> Invoke:
    for beginning, invoke in FAMILIES.items():
        if name.startswith(beginning):
            return invoke
    raise Unsupported(f"The payloads of {name} are not served by InvokeModel yet.", param="modelId")
