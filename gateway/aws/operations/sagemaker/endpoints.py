"""sagemaker: endpoints, from their making to their end."""

from typing import Any

from contracts.generation.hosting import (
    Capacity,
    Endpoint,
    PutEndpoint,
    SetCapacities,
    VariantState,
)
from gateway.aws.operations.members import dropped, refuse
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

_resource = named("EndpointName", "endpoint")
_AT_ONCE = "deployment policies: traffic moves when all of the new variants are ready"


@operation(SERVICE, "CreateEndpoint", missing=_AT_ONCE, resource=_resource)
async def create_endpoint(call: Call, parameters: Parameters) -> Parameters:
    made = await call.backends.hosting.create_endpoint(
        call.principal,
        PutEndpoint(
            name=parameters["EndpointName"],
            config=parameters["EndpointConfigName"],
            tags=tags_of(parameters),
        ),
    )
    return _arn(call, made)


@operation(SERVICE, "DescribeEndpoint", resource=_resource)
async def describe_endpoint(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.endpoint(call.principal, parameters["EndpointName"])
    return dropped(
        {
            **_summary(call, found),
            "EndpointConfigName": found.config,
            "ProductionVariants": [_variant(found, one) for one in found.variants],
            "FailureReason": found.reason or None,
            "AsyncInferenceConfig": found.shown.get("AsyncInferenceConfig"),
        }
    )


@operation(SERVICE, "ListEndpoints")
async def list_endpoints(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.hosting.endpoints(call.principal, query(parameters))
    items = [_summary(call, one) for one in found.items]
    return dropped({"Endpoints": items, "NextToken": found.next_token})


@operation(SERVICE, "UpdateEndpoint", missing=_AT_ONCE, resource=_resource)
async def update_endpoint(call: Call, parameters: Parameters) -> Parameters:
    refuse(parameters, "ExcludeRetainedVariantProperties")
    changed = await call.backends.hosting.update_endpoint(
        call.principal,
        PutEndpoint(
            name=parameters["EndpointName"],
            config=parameters["EndpointConfigName"],
            keeps_capacity=parameters.get("RetainAllVariantProperties", False),
        ),
    )
    return _arn(call, changed)


@operation(SERVICE, "UpdateEndpointWeightsAndCapacities", resource=_resource)
async def update_capacities(call: Call, parameters: Parameters) -> Parameters:
    wanted = enumerate(parameters["DesiredWeightsAndCapacities"], 1)
    with as_given(capacities="DesiredWeightsAndCapacities"):
        ask = SetCapacities(
            name=parameters["EndpointName"], capacities=[_capacity(*one) for one in wanted]
        )
    return _arn(call, await call.backends.hosting.set_capacities(call.principal, ask))


@operation(SERVICE, "DeleteEndpoint", resource=_resource)
async def delete_endpoint(call: Call, parameters: Parameters) -> Parameters:
    await call.backends.hosting.delete_endpoint(call.principal, parameters["EndpointName"])
    return {}


def _capacity(place: int, given: dict[str, Any]) -> Capacity:
    at = f"DesiredWeightsAndCapacities.{place}.member."
    with as_given(at, copies="DesiredInstanceCount", weight="DesiredWeight"):
        return Capacity(
            variant=given["VariantName"],
            copies=given.get("DesiredInstanceCount"),
            weight=given.get("DesiredWeight"),
        )


def _arn(call: Call, made: Endpoint) -> Parameters:
    return {"EndpointArn": arn(call, "endpoint", made.name)}


def _summary(call: Call, one: Endpoint) -> dict[str, Any]:
    return {
        "EndpointName": one.name,
        "EndpointArn": arn(call, "endpoint", one.name),
        "EndpointStatus": one.status,
        "CreationTime": moment(one.created_at),
        "LastModifiedTime": moment(one.updated_at),
    }


def _variant(endpoint: Endpoint, one: VariantState) -> dict[str, Any]:
    image = {
        "SpecifiedImage": one.image,
        "ResolvedImage": one.image,
        "ResolutionTime": moment(endpoint.created_at),
    }
    return {
        "VariantName": one.name,
        "CurrentInstanceCount": one.running,
        "DesiredInstanceCount": one.copies,
        "CurrentWeight": one.weight,
        "DesiredWeight": one.weight,
        **({"DeployedImages": [image]} if one.image else {}),
        **only(one.shown, "ManagedInstanceScaling", "RoutingConfig"),
    }
