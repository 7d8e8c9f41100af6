"""InvokeModel, whole and streamed, in the payloads of each model's maker."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from dialects.bedrock.families import embedding_dialect, text_dialect
from dialects.bedrock.progress import fresh_tokens
from dialects.body import Json, read_body
from dialects.dialect import Exchange, TextDialect
from gateway import generating
from gateway.aws.operations.bedrock_models import model_of
from gateway.aws.operations.bedrock_runtime.asked import (
    NOT_SERVED,
    SERVICE,
    is_embedding,
    model_name,
)
from gateway.aws.operations.bedrock_runtime.failures import modelled
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.registry import Call, Parameters, Reply, operation
from gateway.embedding import embed
from kit.errors import InvalidRequest
from kit.service import started

_MISSING = (
    f"{NOT_SERVED}; images and videos as answers; Cohere's citations and search queries; "
    "Claude's thinking and betas"
)
_STANDARD = {"performanceConfigLatency": "standard", "serviceTier": "default"}
_JSON = "application/json"


@operation(SERVICE, "InvokeModel", missing=_MISSING, resource=model_name)
async def invoke_model(call: Call, parameters: Parameters) -> Reply:
    tiers = _hold_to_standard(parameters)
    name = model_of(call, parameters["modelId"])
    raw = parameters.get("body", b"")
    answer, headers = await _invoked(call, name, read_body(raw), len(raw))
    members: dict[str, Any] = {"body": orjson.dumps(answer), "contentType": _JSON, **tiers}
    return Reply(members, headers=headers)


@operation(SERVICE, "InvokeModelWithResponseStream", missing=_MISSING, resource=model_name)
async def invoke_model_with_response_stream(call: Call, parameters: Parameters) -> Parameters:
    """What fails before the first token has a status; what fails later ends the stream."""
    tiers = _hold_to_standard(parameters)
    name = model_of(call, parameters["modelId"])
    if is_embedding(call, name):
        raise InvalidRequest(f"{name} makes embeddings, which are not streamed.", param="modelId")
    raw = parameters.get("body", b"")
    dialect, exchange = _read(name, read_body(raw))
    operation_id = str(call.operation)
    deltas = await started(
        generating.stream(
            call.backends, call.principal, operation_id, exchange.request, size=len(raw)
        )
    )
    chunks = _chunks(dialect.parts(exchange, deltas))
    return {"body": modelled(chunks, has_timeouts=True), "contentType": _JSON, **tiers}


async def _invoked(call: Call, name: str, body: Json, size: int) -> tuple[Json, dict[str, str]]:
    if is_embedding(call, name):
        return await _embedded(call, name, body)
    dialect, exchange = _read(name, body)
    made = await generating.generate(
        call.backends, call.principal, str(call.operation), exchange.request, size=size
    )
    headers = _counts(exchange, fresh_tokens(made), made.output_tokens)
    if made.cached_tokens:
        headers["x-amzn-bedrock-cache-read-input-token-count"] = str(made.cached_tokens)
    return dialect.whole(exchange, made), headers


async def _embedded(call: Call, name: str, body: Json) -> tuple[Json, dict[str, str]]:
    dialect = embedding_dialect(name)
    ask = dialect.read(name, body)
    made = await embed(call.backends, call.principal, str(call.operation), ask)
    return dialect.whole(body, made), {"x-amzn-bedrock-input-token-count": str(sum(made.tokens))}


def _read(name: str, body: Json) -> tuple[TextDialect, Exchange]:
    dialect = text_dialect(name)
    return dialect, Exchange(name, body, dialect.read(name, body))


def _counts(exchange: Exchange, read: int, written: int) -> dict[str, str]:
    return {
        "x-amzn-bedrock-input-token-count": str(read),
        "x-amzn-bedrock-output-token-count": str(written),
        "x-amzn-bedrock-invocation-latency": str(exchange.milliseconds()),
    }


async def _chunks(parts: AsyncGenerator[Json, None]) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(parts):
        async for part in parts:
            yield {"chunk": {"bytes": orjson.dumps(part)}}


def _hold_to_standard(parameters: Parameters) -> dict[str, Any]:
    """The tiers that were asked for, to be told back."""
    refuse(parameters, "guardrailIdentifier", "guardrailVersion")
    for name, standard in _STANDARD.items():
        if parameters.get(name, standard) != standard:
            raise InvalidRequest(f"{name} can only be {standard}.", param=name)
    return dropped({name: parameters.get(name) for name in _STANDARD})
