"""sagemaker-runtime: InvokeEndpoint, whole and streamed."""

from collections.abc import AsyncGenerator

import orjson

from contracts.generation.answers import Delta
from contracts.generation.invocations import Target
from dialects.body import read_body
from dialects.sagemaker.embeddings import read_embedding, whole_embedding
from dialects.sagemaker.exchange import TextExchange, exchange
from gateway import generating
from gateway.aws.operations.sagemaker_runtime.failures import (
    SERVICE,
    STREAM,
    as_container,
    as_stream,
)
from gateway.aws.operations.sagemaker_runtime.reached import (
    endpoint_name,
    reached,
    said_with,
    text_target,
)
from gateway.aws.registry import Call, Parameters, operation
from gateway.embedding import embed
from kit.catalogue import ModelEntry
from kit.service import started

_MISSING = (
    "containers other than those of language models (LMI, LMI on vLLM, TGI) and of text "
    "embeddings; sessions; multi-model archives; explanations"
)


@operation(SERVICE, "InvokeEndpoint", missing=_MISSING, resource=endpoint_name)
async def invoke_endpoint(call: Call, parameters: Parameters) -> Parameters:
    found, raw = await reached(call, parameters), parameters["Body"]
    if isinstance(found, ModelEntry):
        return _answered(await _embedded(call, parameters), "AllTraffic")
    with as_container(call, found):
        asked = exchange(found, said_with(call, parameters), raw)
        if asked.is_stream:  # the operation has no stream: its lines come together
            lines = asked.stream(_deltas(call, asked, len(raw)))
            body = b"".join([line async for line in lines])
            return _answered(body, found.variant, asked.stream_type)
        return _answered(await _whole(call, asked, len(raw)), found.variant)


@operation(SERVICE, STREAM, missing=_MISSING, resource=endpoint_name)
async def invoke_with_response_stream(call: Call, parameters: Parameters) -> Parameters:
    """What fails before the first token has a status; what fails later ends the stream."""
    target: Target = await text_target(call, parameters)
    raw = parameters["Body"]
    with as_container(call, target):
        asked = exchange(target, said_with(call, parameters), raw, stream=True)
        deltas = await started(_deltas(call, asked, len(raw)))
    return {
        "Body": as_stream(asked.stream(deltas)),
        "ContentType": asked.stream_type,
        "InvokedProductionVariant": target.variant,
    }


async def _whole(call: Call, asked: TextExchange, size: int) -> bytes:
    who, name = call.principal, str(call.operation)
    made = await generating.generate_all(call.backends, who, name, asked.requests, size=size)
    return asked.whole(made)


def _deltas(call: Call, asked: TextExchange, size: int) -> AsyncGenerator[Delta, None]:
    (request,) = asked.requests
    return generating.stream(call.backends, call.principal, str(call.operation), request, size=size)


async def _embedded(call: Call, parameters: Parameters) -> bytes:
    """By the model's name: no endpoint has to be created for it."""
    body = read_body(parameters["Body"])
    ask = read_embedding(endpoint_name(parameters), body)
    made = await embed(call.backends, call.principal, str(call.operation), ask)
    return orjson.dumps(whole_embedding(body, made))


def _answered(body: bytes, variant: str, media: str = "application/json") -> Parameters:
    return {"Body": body, "ContentType": media, "InvokedProductionVariant": variant}
