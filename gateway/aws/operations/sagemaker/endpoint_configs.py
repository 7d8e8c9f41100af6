"""sagemaker: configurations of endpoints."""

from typing import Any

from contracts.generation.hosting import (
    AsyncOutput,
    CreateEndpointConfig,
    Scaling,
    Variant,
)
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.operations.places import split
from gateway.aws.operations.sagemaker.common import (
    SERVICE,
    arn,
    as_given,
    moment,
    named,
    only,
    query,
    tags_of,
)
from gateway.aws.registry import Call, Parameters, operation

_SHOWN = (
    "ProductionVariants",
    "AsyncInferenceConfig",
    "KmsKeyId",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
)
_NEITHER = ("DataCaptureConfig", "ExplainerConfig", "ShadowProductionVariants")
_PATIENCE = 3600.0
_resource = named("EndpointConfigName", "endpoint-config")


@operation(
    SERVICE,
    "CreateEndpointConfig",
    missing="data capture; shadow variants; explainers; notifications of asynchronous inference; "
    "instance types choose nothing",
    resource=_resource,
)
async def create_endpoint_config(call: Call, parameters: Parameters) -> Parameters:
    refuse(parameters, *_NEITHER, "MetricsConfig", "CrossRegionTrafficConfig")
    with as_given(variants="ProductionVariants"):
        ask = CreateEndpointConfig(
            name=parameters["EndpointConfigName"],
            variants=[_variant(*one) for one in enumerate(parameters["ProductionVariants"], 1)],
            asynchronous=_asynchronous(parameters.get("AsyncInferenceConfig")),
            shown=only(parameters, *_SHOWN),
            tags=tags_of(parameters),
        )
    made = await call.backends.hosting.create_config(call.principal, ask)
    return {"EndpointConfigArn": arn(call, "endpoint-config", made.name)}


@operation(SERVICE, "DescribeEndpointConfig", resource=_resource)
async def describe_endpoint_config(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.config(call.principal, parameters["EndpointConfigName"])
    return {
        **found.shown,
        "EndpointConfigName": found.name,
        "EndpointConfigArn": arn(call, "endpoint-config", found.name),
        "CreationTime": moment(found.created_at),
    }


@operation(SERVICE, "ListEndpointConfigs")
async def list_endpoint_configs(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.configs(call.principal, query(parameters))
    items = [
        {
            "EndpointConfigName": one.name,
            "EndpointConfigArn": arn(call, "endpoint-config", one.name),
            "CreationTime": moment(one.created_at),
        }
        for one in found.items
    ]
    return dropped({"EndpointConfigs": items, "NextToken": found.next_token})


@operation(SERVICE, "DeleteEndpointConfig", resource=_resource)
async def delete_endpoint_config(call: Call, parameters: Parameters) -> Parameters:
    await call.backends.hosting.delete_config(call.principal, parameters["EndpointConfigName"])
    return {}


def _variant(place: int, given: dict[str, Any]) -> Variant:
    """Its instances are copies of its model."""
    at = f"ProductionVariants.{place}.member."
    scaling = _scaling(f"{at}ManagedInstanceScaling.", given.get("ManagedInstanceScaling", {}))
    with as_given(at, copies="InitialInstanceCount", weight="InitialVariantWeight"):
        return Variant(
            name=given["VariantName"],
            model=given.get("ModelName"),
            copies=given.get("InitialInstanceCount", 1),
            weight=given.get("InitialVariantWeight", 1.0),
            scaling=scaling,
            patience=given.get("ContainerStartupHealthCheckTimeoutInSeconds", _PATIENCE),
            shown=given,
        )


def _scaling(at: str, managed: dict[str, Any]) -> Scaling | None:
    """Managed scaling bounds a variant's copies."""
    if managed.get("Status") != "ENABLED":
        return None
    least = managed.get("MinInstanceCount", 1)
    with as_given(at, least="MinInstanceCount", most="MaxInstanceCount"):
        return Scaling(least=least, most=max(least, managed.get("MaxInstanceCount", least), 1))


def _asynchronous(given: dict[str, Any] | None) -> AsyncOutput | None:
    if given is None:
        return None
    told = given["OutputConfig"]
    refuse(told, "NotificationConfig", at="AsyncInferenceConfig.OutputConfig.")
    output = told.get("S3OutputPath", "")
    for uri in (output, told.get("S3FailurePath", output)):
        split(uri, "AsyncInferenceConfig.OutputConfig")
    return AsyncOutput(output=output, failure=told.get("S3FailurePath"))
