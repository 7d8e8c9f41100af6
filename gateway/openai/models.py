"""GET /models: what can be asked for, with what really serves it."""

from typing import Any

from gateway.openai.call import Call, json_response
from gateway.response import Response
from kit.catalogue import ModelEntry

_EPOCH = 1_700_000_000  # `created` is required, and no model file states a time


async def list_models(call: Call) -> Response:
    catalogue = call.backends.catalogue
    data = [
        _model(name, entry)
        for entry in catalogue.entries
        for name in (entry.id, *catalogue.aliases_of(entry))
    ]
    return json_response({"object": "list", "data": data})


async def get_model(call: Call) -> Response:
    entry = call.backends.catalogue.find(call.argument)
    return json_response(_model(call.argument, entry))


def _model(name: str, entry: ModelEntry) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": _EPOCH,
        "owned_by": entry.provider,
        "served_by": entry.id,
        "kind": entry.kind,
    }
