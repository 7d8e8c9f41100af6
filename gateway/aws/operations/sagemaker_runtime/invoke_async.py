"""sagemaker-runtime: InvokeEndpointAsync, which a job answers with an object."""

import time

from uuid_utils import uuid4

from contracts.generation.hosting import AsyncOutput
from contracts.generation.invocations import ASYNC_INFERENCE, AsyncInvocation, ObjectPlace, Target
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.operations.places import readable, writable
from gateway.aws.operations.sagemaker_runtime.failures import SERVICE
from gateway.aws.operations.sagemaker_runtime.reached import (
    endpoint_name,
    said_with,
    text_target,
)
from gateway.aws.registry import Call, Parameters, Reply, operation
from kit.errors import InvalidRequest

_LIFETIME = 6 * 3600
_TIMEOUT = 900


@operation(
    SERVICE,
    "InvokeEndpointAsync",
    missing="requests in the body, file names and extensions of paths; notifications",
    resource=endpoint_name,
)
async def invoke_endpoint_async(call: Call, parameters: Parameters) -> Reply:
    """Answers with where the answer, or else the failure, will be."""
    refuse(parameters, "Body", "Filename", "S3OutputPathExtension")
    target = await text_target(call, parameters)
    if target.asynchronous is None:
        raise InvalidRequest(
            f"Endpoint {endpoint_name(parameters)} has no AsyncInferenceConfig in its "
            "configuration: it cannot be invoked asynchronously."
        )
    asked = _asked(call, parameters, target, target.asynchronous)
    for place in filter(None, (asked.output, asked.failure)):
        await call.backends.objects.buckets.get(call.principal.tenant, place.bucket)
    await call.backends.jobs.accept(
        call.principal.tenant, ASYNC_INFERENCE, asked.model_dump(mode="json")
    )
    failure = asked.failure.uri if asked.failure is not None else None
    members = {
        "InferenceId": parameters.get("InferenceId", call.request_id),
        "OutputLocation": asked.output.uri,
        "FailureLocation": failure,
    }
    return Reply(dropped(members), status=202)


def _asked(
    call: Call, parameters: Parameters, target: Target, written: AsyncOutput
) -> AsyncInvocation:
    said = said_with(call, parameters)
    name = str(uuid4())
    failure = None
    if written.failure is not None:
        failure = _within(call, written.failure, f"{name}-error.out", "S3FailurePath")
    return AsyncInvocation(
        account=call.principal.account,
        key=call.principal.key,
        target=target,
        adapter=said.adapter,
        accepts_terms=said.accepts_terms,
        input=readable(call, parameters.get("InputLocation", ""), "InputLocation"),
        output=_within(call, written.output, f"{name}.out", "S3OutputPath"),
        failure=failure,
        expires_at=time.time() + parameters.get("RequestTTLSeconds", _LIFETIME),
        timeout=parameters.get("InvocationTimeoutSeconds", _TIMEOUT),
    )


def _within(call: Call, prefix: str, name: str, member: str) -> ObjectPlace:
    """An object under a prefix, which may be a whole bucket."""
    slash = "" if prefix.endswith("/") else "/"
    return writable(call, f"{prefix}{slash}{name}", member)
