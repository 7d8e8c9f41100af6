"""GET /models: what a tenant can ask for, with what really serves it."""

from collections.abc import AsyncIterator
from typing import Any

from contracts.generation.hosting import FindTarget, Target
from gateway.cards import model_cards
from gateway.hosted import reached
from gateway.openai.asked import COMPONENT
from gateway.openai.call import Call, json_response
from gateway.response import Response
from kit.errors import NotFound

_EPOCH = 1_700_000_000  # `created` is required, and no model file states a time


async def list_models(call: Call) -> Response:
    """Base models and embedding models under all their names, and the tenant's adapters."""
    return json_response({"object": "list", "data": [one async for one in _models(call)]})


async def get_model(call: Call) -> Response:
    """Names may hold slashes. Raises NotFound, also for another tenant's adapter."""
    async for model in _models(call):
        if model["id"] == call.argument:
            return json_response(model)
    raise NotFound(
        f"The model {call.argument!r} does not exist, or this key may not use it; GET /v1/models "
        "lists those that there are.",
        param="model",
    )


async def _served(call: Call) -> str:
    """The id of the model behind the endpoint. Raises NotFound."""
    ask = FindTarget(endpoint=call.hosted, component=call.headers.get(COMPONENT, ""))
    found = await reached(call.backends, call.principal, ask)
    return call.backends.catalogue.find(found.model).id if isinstance(found, Target) else found.id


async def _models(call: Call) -> AsyncIterator[dict[str, Any]]:
    """`parent` is what an adapter changes, as vLLM tells it. Of an endpoint its model's only."""
    served = await _served(call) if call.hosted else None
    for card in await model_cards(call.backends, call.principal):
        if served not in (None, card.id, card.base):
            continue
        for name in (card.id, *card.aliases):
            yield {
                "id": name,
                "object": "model",
                "created": int(card.created_at) or _EPOCH,
                "owned_by": card.provider,
                "served_by": card.id,
                "kind": card.kind,
                "parent": card.base or None,
                "max_model_len": card.context,
            }
