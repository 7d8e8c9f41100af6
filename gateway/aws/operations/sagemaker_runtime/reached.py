"""What an invocation reaches: an endpoint of the tenant, or an embedding model by its name."""

from contracts.generation.invocations import FindTarget, Target
from dialects.sagemaker.said import ADAPTER_HEADER, Said, said
from gateway import hosted
from gateway.aws.operations.members import refuse
from gateway.aws.registry import Call, Parameters
from kit.catalogue import ModelEntry
from kit.errors import InvalidRequest


def endpoint_name(parameters: Parameters) -> str:
    return str(parameters["EndpointName"])


async def reached(call: Call, parameters: Parameters) -> Target | ModelEntry:
    """Raises NotFound in AWS's words; an endpoint of the tenant goes before a model's name."""
    name = endpoint_name(parameters)
    refuse(parameters, "TargetModel", "TargetContainerHostname", "SessionId", "EnableExplanations")
    ask = FindTarget(
        endpoint=name,
        component=parameters.get("InferenceComponentName", ""),
        variant=parameters.get("TargetVariant", ""),
    )
    return await hosted.reached(call.backends, call.principal, ask)


async def text_target(call: Call, parameters: Parameters) -> Target:
    """Raises InvalidRequest for an embedding model, which answers whole and at once only."""
    found = await reached(call, parameters)
    if isinstance(found, ModelEntry):
        raise InvalidRequest(
            f"Endpoint {endpoint_name(parameters)} makes embeddings: use InvokeEndpoint."
        )
    return found


def said_with(call: Call, parameters: Parameters) -> Said:
    header = call.request.by_name.get(ADAPTER_HEADER)
    return said(header, parameters.get("CustomAttributes", ""))
