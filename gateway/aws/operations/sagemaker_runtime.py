"""sagemaker-runtime: endpoints that are named as the embedding model behind them is."""

import orjson

from contracts.search.embeddings import EmbedRequest
from dialects.body import Json, Members, read_body
from gateway.aws.registry import Call, Parameters, errors, operation
from kit.catalogue import ModelEntry
from kit.errors import (
    InvalidRequest,
    NotFound,
)

SERVICE = "sagemaker-runtime"
errors(SERVICE, {NotFound: "ValidationError"})

_TRUNCATIONS = (True, False, None, "true", "false")
_MOST_TEXTS = 128


@operation(
    SERVICE,
    "InvokeEndpoint",
    missing="endpoints other than those named after an embedding model of the catalogue",
    resource=lambda p: p["EndpointName"],
)
async def invoke_endpoint(call: Call, parameters: Parameters) -> Parameters:
    """Takes and gives the payload of Voyage's containers."""
    name = parameters["EndpointName"]
    try:
        entry = call.backends.catalogue.find(name, kind="embedding")
    except NotFound as absent:
        raise NotFound(
            f"Endpoint {name} of account {call.principal.account} not found."
        ) from absent
    answer = await _embed(call, name, entry, read_body(parameters["Body"]))
    return {
        "Body": orjson.dumps(answer),
        "ContentType": "application/json",
        "InvokedProductionVariant": "AllTraffic",
    }


async def _embed(call: Call, name: str, entry: ModelEntry, body: Json) -> Json:
    if isinstance(body.get("input"), str):
        body = {**body, "input": [body["input"]]}
    members = Members(body, {"input", "input_type", "truncation", "model"})
    kind = body.get("input_type")
    if kind not in (None, "query", "document"):
        raise InvalidRequest("input_type must be query or document.", param="input_type")
    if body.get("truncation") not in _TRUNCATIONS:
        raise InvalidRequest("truncation must be true or false.", param="truncation")
    ask = EmbedRequest(
        model=name,
        texts=members.texts("input", most=_MOST_TEXTS),
        kind=kind or "document",
    )
    async with call.backends.metering.spending(
        call.principal, str(call.operation), entry.id, request_bytes=sum(map(len, ask.texts or []))
    ) as spent:
        made = await call.backends.search.embed(call.principal, ask)
        spent.tokens_in = sum(made.tokens)
    data = [
        {"object": "embedding", "embedding": row, "index": index}
        for index, row in enumerate(made.rows())
    ]
    usage = {"total_tokens": spent.tokens_in}
    return {"object": "list", "data": data, "model": made.model, "usage": usage}
