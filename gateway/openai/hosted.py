"""The model that a request asks for."""

from typing import Any

from gateway.openai.call import Call
from kit.errors import InvalidRequest


async def model_of(call: Call, body: dict[str, Any]) -> tuple[str, str]:
    """The name of the model, and the SageMaker component that the path means.

    Raises InvalidRequest without a name.
    """
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise InvalidRequest("model: give the name of a model (GET /v1/models).", param="model")
    return name, ""
