"""The model that a request asks for: by its name, or as the SageMaker endpoint in the path."""

from dataclasses import dataclass
from typing import TypeVar

from contracts.generation.invocations import FindTarget
from contracts.generation.requests import ChatRequest, CompletionRequest
from dialects.body import Json
from dialects.sagemaker.adapters import adapter_of
from dialects.sagemaker.said import ADAPTER_HEADER, said
from gateway.openai.call import Call
from kit.errors import InvalidRequest

COMPONENT = "x-amzn-sagemaker-inference-component"
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
Request = TypeVar("Request", ChatRequest, CompletionRequest)


@dataclass(frozen=True, slots=True)
class AskedModel:
    """`name` is what the answer repeats; the others are for the generation service."""

    name: str
    model: str
    component: str = ""
    adapter: str = ""

    def of(self, request: Request) -> Request:
        """The request, made of this model."""
        if not (self.component or self.adapter):
            return request
        return request.model_copy(update={"component": self.component, "adapter": self.adapter})


async def asked_model(call: Call, body: Json) -> AskedModel:
    """Raises InvalidRequest without a name, NotFound for an endpoint that is not there."""
    name = body.get("model")
    if call.hosted:
        return await _hosted(call, name if isinstance(name, str) else "")
    return AskedModel(model_name(body), model_name(body))


def model_name(body: Json) -> str:
    """Raises InvalidRequest."""
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise InvalidRequest("model: give the name of a model (GET /v1/models).", param="model")
    return name


async def _hosted(call: Call, name: str) -> AskedModel:
    """A name that is none of the endpoint's or of its model's is one of its adapters."""
    component = call.headers.get(COMPONENT, "")
    ask = FindTarget(endpoint=call.hosted, component=component)
    target = await call.backends.hosting.target(call.principal, ask)
    told = said(call.headers.get(ADAPTER_HEADER), call.headers.get(_ATTRIBUTES, ""))
    told.check_terms(target.terms)
    adapter = adapter_of(target, told, name)
    return AskedModel(name or call.hosted, target.model, target.component, adapter)
