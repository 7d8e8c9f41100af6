"""sagemaker: tags of models, configurations, endpoints and inference components."""

import re
from typing import cast

from contracts.generation.hosting import Kind, Tagged
from gateway.aws.operations.sagemaker.common import SERVICE, tags_of
from gateway.aws.registry import Call, Parameters, operation
from kit.errors import InvalidRequest, NotFound

_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:(?P<account>\d{12}):"
    r"(?P<kind>model|endpoint-config|endpoint|inference-component)/(?P<name>[A-Za-z0-9-]+)"
)


def _resource(parameters: Parameters) -> str:
    return str(parameters["ResourceArn"]).rpartition(":")[2]


@operation(SERVICE, "AddTags", resource=_resource)
async def add_tags(call: Call, parameters: Parameters) -> Parameters:
    return await _tags(call, parameters, put=tags_of(parameters))


@operation(SERVICE, "ListTags", resource=_resource)
async def list_tags(call: Call, parameters: Parameters) -> Parameters:
    return await _tags(call, parameters)


@operation(SERVICE, "DeleteTags", resource=_resource)
async def delete_tags(call: Call, parameters: Parameters) -> Parameters:
    await _tags(call, parameters, removed=parameters["TagKeys"])
    return {}


async def _tags(
    call: Call,
    parameters: Parameters,
    put: dict[str, str] | None = None,
    removed: list[str] | None = None,
) -> Parameters:
    """Another account's ARN is absent, as everything of it is."""
    given = parameters["ResourceArn"]
    match = _ARN.fullmatch(given)
    if match is None:
        raise InvalidRequest(f"{given} is no ARN of a resource with tags.", param="ResourceArn")
    if match["account"] != call.principal.account:
        raise NotFound(f'Could not find "{given}".')
    ask = Tagged(
        kind=cast(Kind, match["kind"]), name=match["name"], put=put or {}, removed=removed or []
    )
    found = await call.backends.hosting.tags(call.principal, ask)
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}
