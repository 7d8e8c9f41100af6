"""sagemaker: inference components, which run models and adapters on an endpoint."""

from typing import Any

from contracts.generation.hosting import (
    Component,
    CreateComponent,
    Deployed,
    UpdateComponent,
)
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.operations.places import readable
from gateway.aws.operations.sagemaker.common import (
    SERVICE,
    arn,
    as_given,
    container_of,
    moment,
    named,
    query,
    tags_of,
)
from gateway.aws.registry import Call, Parameters, operation
from kit.errors import InvalidRequest

_PATIENCE = 3600.0
_NEEDS = {
    "accelerators": "NumberOfAcceleratorDevicesRequired",
    "memory_mib": "MinMemoryRequiredInMb",
}
_COPIES = "RuntimeConfig.CopyCount"
_MISSING = "several specifications; caching and scheduling choices change nothing"
_resource = named("InferenceComponentName", "inference-component")


@operation(SERVICE, "CreateInferenceComponent", missing=_MISSING, resource=_resource)
async def create_component(call: Call, parameters: Parameters) -> Parameters:
    refuse(parameters, "Specifications")
    if "Specification" not in parameters:
        raise InvalidRequest("Give a Specification.", param="Specification")
    deployed = _deployed(call, parameters["Specification"])
    with as_given(copies=_COPIES):
        ask = CreateComponent(
            name=parameters["InferenceComponentName"],
            endpoint=parameters["EndpointName"],
            variant=parameters.get("VariantName"),
            deployed=deployed,
            copies=parameters.get("RuntimeConfig", {}).get("CopyCount", 1),
            tags=tags_of(parameters),
        )
    return _arn(call, await call.backends.hosting.create_component(call.principal, ask))


@operation(SERVICE, "DescribeInferenceComponent", resource=_resource)
async def describe_component(call: Call, parameters: Parameters) -> Parameters:
    name = parameters["InferenceComponentName"]
    found = await call.backends.hosting.component(call.principal, name)
    copies = {"DesiredCopyCount": found.copies, "CurrentCopyCount": found.running}
    return dropped(
        {
            **_summary(call, found),
            "FailureReason": found.reason or None,
            "Specification": _specification(found),
            "RuntimeConfig": None if found.deployed.base else copies,
        }
    )


@operation(SERVICE, "ListInferenceComponents")
async def list_components(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.components(call.principal, query(parameters))
    items = [_summary(call, one) for one in found.items]
    return dropped({"InferenceComponents": items, "NextToken": found.next_token})


@operation(
    SERVICE,
    "UpdateInferenceComponent",
    missing=f"{_MISSING}; deployment policies",
    resource=_resource,
)
async def update_component(call: Call, parameters: Parameters) -> Parameters:
    refuse(parameters, "Specifications")
    given = parameters.get("Specification")
    deployed = None if given is None else _deployed(call, given)
    with as_given(copies=_COPIES):
        ask = UpdateComponent(
            name=parameters["InferenceComponentName"],
            deployed=deployed,
            copies=parameters.get("RuntimeConfig", {}).get("CopyCount"),
        )
    return _arn(call, await call.backends.hosting.update_component(call.principal, ask))


@operation(SERVICE, "UpdateInferenceComponentRuntimeConfig", resource=_resource)
async def update_runtime(call: Call, parameters: Parameters) -> Parameters:
    with as_given(copies="DesiredRuntimeConfig.CopyCount"):
        ask = UpdateComponent(
            name=parameters["InferenceComponentName"],
            copies=parameters["DesiredRuntimeConfig"]["CopyCount"],
        )
    return _arn(call, await call.backends.hosting.update_component(call.principal, ask))


@operation(SERVICE, "DeleteInferenceComponent", resource=_resource)
async def delete_component(call: Call, parameters: Parameters) -> Parameters:
    name = parameters["InferenceComponentName"]
    await call.backends.hosting.delete_component(call.principal, name)
    return {}


def _deployed(call: Call, given: dict[str, Any]) -> Deployed:
    needs = given.get("ComputeResourceRequirements", {})
    start = given.get("StartupParameters", {})
    container = container_of(given["Container"]) if "Container" in given else None
    if container is not None and container.artifact:
        readable(call, container.artifact, "Container.ArtifactUrl")
    with as_given("Specification.ComputeResourceRequirements.", **_NEEDS):
        return Deployed(
            model=given.get("ModelName"),
            container=container,
            base=given.get("BaseInferenceComponentName"),
            accelerators=needs.get(_NEEDS["accelerators"], 0),
            memory_mib=needs.get(_NEEDS["memory_mib"], 0),
            patience=start.get("ContainerStartupHealthCheckTimeoutInSeconds", _PATIENCE),
            shown=given,
        )


def _specification(one: Component) -> dict[str, Any]:
    """As it was given, but for the container, which is told in another form."""
    shown = dict(one.deployed.shown)
    if "Container" in shown:
        container = {name: value for name, value in shown["Container"].items() if name != "Image"}
        if image := shown["Container"].get("Image"):
            container["DeployedImage"] = {"SpecifiedImage": image}
        shown["Container"] = container
    return shown


def _arn(call: Call, one: Component) -> Parameters:
    return {"InferenceComponentArn": arn(call, "inference-component", one.name)}


def _summary(call: Call, one: Component) -> dict[str, Any]:
    return {
        "InferenceComponentName": one.name,
        "InferenceComponentArn": arn(call, "inference-component", one.name),
        "InferenceComponentStatus": one.status,
        "EndpointName": one.endpoint,
        "EndpointArn": arn(call, "endpoint", one.endpoint),
        "VariantName": one.variant,
        "CreationTime": moment(one.created_at),
        "LastModifiedTime": moment(one.updated_at),
    }
