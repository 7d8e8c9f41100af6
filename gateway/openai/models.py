"""GET /models: what a tenant can ask for, with what really serves it."""

from collections.abc import AsyncIterator
from typing import Any

from contracts.generation.models import ModelCard
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


async def _models(call: Call) -> AsyncIterator[dict[str, Any]]:
    catalogue = call.backends.catalogue
    for entry in catalogue.entries:
        if entry.kind == "embedding":
            for name in (entry.id, *catalogue.aliases_of(entry)):
                yield _model(name, entry.id, "embedding", entry.provider)
    for card in await call.backends.generation.models(call.principal):
        for name in (card.id, *card.aliases):
            yield _text_model(name, card)


def _text_model(name: str, card: ModelCard) -> dict[str, Any]:
    """`parent` is what an adapter changes, as vLLM tells it."""
    model = _model(name, card.id, card.kind, card.provider)
    return model | {"parent": card.base or None, "max_model_len": card.context}


def _model(name: str, served_by: str, kind: str, owner: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": _EPOCH,
        "owned_by": owner,
        "served_by": served_by,
        "kind": kind,
    }
