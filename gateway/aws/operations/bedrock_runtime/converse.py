"""Converse and ConverseStream: one form of chats for all models."""

from dialects.bedrock.converse import Converse
from dialects.dialect import Exchange
from gateway import generating
from gateway.aws.operations.bedrock_models import model_of
from gateway.aws.operations.bedrock_runtime.asked import NOT_SERVED, SERVICE, model_name
from gateway.aws.operations.bedrock_runtime.failures import modelled
from gateway.aws.registry import Call, Parameters, operation
from kit.service import started

_MISSING = (
    f"{NOT_SERVED}; video, audio, reasoning and citation blocks; images and documents in S3; "
    "documents other than text; system tools"
)
_CONVERSE = Converse()


@operation(SERVICE, "Converse", missing=_MISSING, resource=model_name)
async def converse(call: Call, parameters: Parameters) -> Parameters:
    exchange = _read(call, parameters)
    made = await generating.generate(
        call.backends,
        call.principal,
        str(call.operation),
        exchange.request,
        size=call.length or 0,
    )
    return _CONVERSE.whole(exchange, made)


@operation(SERVICE, "ConverseStream", missing=_MISSING, resource=model_name)
async def converse_stream(call: Call, parameters: Parameters) -> Parameters:
    """What fails before the first token has a status; what fails later ends the stream."""
    exchange = _read(call, parameters)
    deltas = await started(
        generating.stream(
            call.backends,
            call.principal,
            str(call.operation),
            exchange.request,
            size=call.length or 0,
        )
    )
    events = _CONVERSE.parts(exchange, deltas)
    return {"stream": modelled(events, has_timeouts=False)}


def _read(call: Call, parameters: Parameters) -> Exchange:
    name = model_of(call, parameters["modelId"])
    return Exchange(name, parameters, _CONVERSE.read(name, parameters))
