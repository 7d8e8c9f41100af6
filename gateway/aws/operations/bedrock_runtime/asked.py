"""What every operation of bedrock-runtime asks first: which model, and of what kind it is."""

from gateway.aws.registry import Call, Parameters, errors
from kit.catalogue import model_id
from kit.errors import Unsupported

SERVICE = "bedrock-runtime"
errors(SERVICE, {Unsupported: "ValidationException"})

NOT_SERVED = "guardrails; prompt resources and routers; latency and service tiers but the standard"


def model_name(parameters: Parameters) -> str:
    """The name within an ARN, as scopes have it; `model_of` tells whose it is."""
    return model_id(parameters["modelId"])


def is_embedding(call: Call, name: str) -> bool:
    entry = call.backends.catalogue.owner(name)
    return entry is not None and entry.kind == "embedding"
