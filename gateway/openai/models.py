"""GET /models: what a tenant can ask for, with what really serves it."""

from typing import Any

from contracts.generation.invocations import FindTarget, Target
from contracts.generation.models import ModelCard
from gateway.cards import leads_to, model_cards
from gateway.hosted import reached
from gateway.openai.asked import COMPONENT
from gateway.openai.call import Call, json_response
from gateway.response import Response
from kit.errors import NotFound

_EPOCH = 1_700_000_000  # `created` is required, and no model file states a time


async def list_models(call: Call) -> Response:
    """Base models and embedding models under all their names, and the tenant's adapters."""
    cards = await _cards(call)
    data = [_model(name, card) for card in cards for name in (card.id, *card.aliases)]
    return json_response({"object": "list", "data": data})


async def get_model(call: Call) -> Response:
    """Names may hold slashes. Raises NotFound, also for another tenant's adapter."""
    for card in await _cards(call):
        if leads_to(call.argument, card):
            return json_response(_model(call.argument, card))
    raise NotFound(
        f"The model {call.argument!r} does not exist, or this key may not use it; GET /v1/models "
        "lists those that there are.",
        param="model",
    )


async def _cards(call: Call) -> list[ModelCard]:
    """Of an endpoint, its model's and those of its model's adapters. Raises NotFound."""
    cards = await model_cards(call.backends, call.principal)
    if not call.hosted:
        return cards
    ask = FindTarget(endpoint=call.hosted, component=call.headers.get(COMPONENT, ""))
    found = await reached(call.backends, call.principal, ask)
    name = found.model if isinstance(found, Target) else found.id
    served = call.backends.catalogue.find(name).id
    return [card for card in cards if served in (card.id, card.base)]


def _model(name: str, card: ModelCard) -> dict[str, Any]:
    """`parent` is what an adapter changes, as vLLM tells it."""
    return {
        "id": name,
        "object": "model",
        "created": int(card.created_at) or _EPOCH,
        "owned_by": card.provider,
        "served_by": card.id,
        "kind": card.kind,
        "parent": card.base or None,
        "max_model_len": card.context,
    }
