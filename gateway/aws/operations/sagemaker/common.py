"""What every sagemaker operation shares: its errors, ARNs, tags, pages and times."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from contracts.contract import invalid_member
from contracts.generation.hosting import Container, Kind, Query
from gateway.aws.registry import Call, Parameters, errors
from kit.errors import Conflict, InvalidRequest, NotFound, Unsupported

SERVICE = "sagemaker"
REGION = "us-east-1"
errors(
    SERVICE,
    {
        NotFound: "ValidationException",
        Conflict: "ResourceInUse",
        Unsupported: "ValidationException",
    },
)


def arn(call: Call, kind: Kind, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{call.principal.account}:{kind}/{name}"


def named(member: str, kind: Kind) -> Callable[[Parameters], str]:
    """What a key's scope names such a resource by: `endpoint/NAME`."""
    return lambda parameters: f"{kind}/{parameters[member]}"


def tags_of(parameters: Parameters) -> dict[str, str]:
    """Raises InvalidRequest for a key that only AWS itself may set."""
    tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", [])}
    for key in tags:
        if key.lower().startswith("aws:"):
            raise InvalidRequest(
                f"The tag key {key!r} begins with aws:, which is reserved for AWS's own.",
                param="Tags",
            )
    return tags


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def only(parameters: Parameters, *members: str) -> dict[str, Any]:
    """The members that are there."""
    return {name: parameters[name] for name in members if name in parameters}


@contextmanager
def as_given(at: str = "", **names: str) -> Iterator[None]:
    """Of a contract that is made within: what is wrong with it is told of AWS's member.

    `names` are AWS's by the contract's, and `at` is where they are, such as `RuntimeConfig.`.
    """
    try:
        yield
    except ValidationError as error:
        refusal = invalid_member(error)
        param = refusal.param or ""
        if param not in names:
            raise refusal from error
        member = at + names[param]
        told = refusal.message.removeprefix(param)
        raise InvalidRequest(f"{member}{told}", param=member) from error


def query(parameters: Parameters) -> Query:
    """Of a listing: its page, its order and its filters."""
    seconds = {
        name: parameters[member].timestamp()
        for name, member in (
            ("created_after", "CreationTimeAfter"),
            ("created_before", "CreationTimeBefore"),
            ("modified_after", "LastModifiedTimeAfter"),
            ("modified_before", "LastModifiedTimeBefore"),
        )
        if member in parameters
    }
    return Query(
        limit=parameters.get("MaxResults", 10),
        token=parameters.get("NextToken"),
        sort_by=parameters.get("SortBy", "CreationTime"),
        descending=parameters.get("SortOrder", "Descending") == "Descending",
        contains=parameters.get("NameContains", ""),
        status=parameters.get("StatusEquals"),
        endpoint=parameters.get("EndpointNameEquals"),
        variant=parameters.get("VariantNameEquals"),
        **seconds,
    )


def container_of(given: dict[str, Any]) -> Container:
    """Of a ContainerDefinition, or of an inference component's own container."""
    stored = given.get("ModelDataSource", {}).get("S3DataSource", {})
    return Container(
        image=given.get("Image", ""),
        environment=given.get("Environment", {}),
        artifact=given.get("ModelDataUrl") or given.get("ArtifactUrl") or stored.get("S3Uri", ""),
        accepts_eula=bool(stored.get("ModelAccessConfig", {}).get("AcceptEula")),
    )
