"""sagemaker: models, which name what a container runs."""

from typing import Any

from contracts.generation.hosting import CreateModel
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.operations.places import readable
from gateway.aws.operations.sagemaker.common import (
    SERVICE,
    arn,
    container_of,
    moment,
    named,
    only,
    query,
    tags_of,
)
from gateway.aws.registry import Call, Parameters, operation
from kit.errors import InvalidRequest

_SHOWN = (
    "PrimaryContainer",
    "Containers",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
)
_resource = named("ModelName", "model")


@operation(
    SERVICE,
    "CreateModel",
    missing="pipelines of several containers; containers other than those of language models",
    resource=_resource,
)
async def create_model(call: Call, parameters: Parameters) -> Parameters:
    refuse(parameters, "InferenceExecutionConfig")
    container = container_of(_container(parameters))
    if container.artifact:
        readable(call, container.artifact, "ModelDataUrl")
    made = await call.backends.hosting.create_model(
        call.principal,
        CreateModel(
            name=parameters["ModelName"],
            container=container,
            shown=only(parameters, *_SHOWN),
            tags=tags_of(parameters),
        ),
    )
    return {"ModelArn": arn(call, "model", made.name)}


@operation(SERVICE, "DescribeModel", resource=_resource)
async def describe_model(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.model(call.principal, parameters["ModelName"])
    return {
        **found.shown,
        "ModelName": found.name,
        "ModelArn": arn(call, "model", found.name),
        "CreationTime": moment(found.created_at),
    }


@operation(SERVICE, "ListModels")
async def list_models(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.models(call.principal, query(parameters))
    items = [
        {
            "ModelName": one.name,
            "ModelArn": arn(call, "model", one.name),
            "CreationTime": moment(one.created_at),
        }
        for one in found.items
    ]
    return dropped({"Models": items, "NextToken": found.next_token})


@operation(SERVICE, "DeleteModel", resource=_resource)
async def delete_model(call: Call, parameters: Parameters) -> Parameters:
    await call.backends.hosting.delete_model(call.principal, parameters["ModelName"])
    return {}


def _container(parameters: Parameters) -> dict[str, Any]:
    given = [*parameters.get("Containers", ())]
    if "PrimaryContainer" in parameters:
        given.insert(0, parameters["PrimaryContainer"])
    if len(given) != 1:
        raise InvalidRequest("Give one container: PrimaryContainer.", param="PrimaryContainer")
    container: dict[str, Any] = given[0]
    if container.get("Mode") == "MultiModel":
        raise InvalidRequest("Containers of many models are not served.", param="Mode")
    return container
