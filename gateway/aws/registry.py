"""Which AWS operations are served, by what handler, and under which error names.

An operations module declares what it serves and nothing else:

    errors("bedrock-agent-runtime", {NotFound: "ResourceNotFoundException"})

    @operation("bedrock-agent-runtime", "Retrieve", missing="guardrails")
    async def retrieve(call: Call, parameters: Parameters) -> Parameters: ...

`parameters` are parsed and validated, and use the member names of botocore's shape, as the dict
that a handler returns does. In both directions
- a blob is `bytes`, a timestamp an aware `datetime`, an integer an `int`;
- a streaming blob (S3 `Body`) is an `AsyncIterator[bytes]`; a handler may also answer `bytes`.
  It names `ContentLength` when it knows the length, otherwise the answer is sent in chunks;
- an event stream (`stream`, `completion` ...) is an `AsyncGenerator[dict]` of one-member dicts
  such as `{"chunk": {"bytes": b"..."}}`. An error raised inside ends the stream with an
  exception frame. The generator is closed when the client goes away.

To answer with another HTTP status than the model's, or with headers that the model lacks, a
handler returns `Reply(members, status=206)`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.aws.protocol.identity import OperationId
from gateway.aws.request import AwsRequest
from gateway.backends import Backends
from kit.auth.principal import Principal
from kit.errors import PlatformError

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler may know of the request besides its parameters.

    `length` is that of the decoded body where the client stated it. `trailers` (such as
    `x-amz-checksum-crc32`) are complete once a streamed body has been read to its end. `form` holds
    the fields of a browser's upload, by lower-case name.
    """

    principal: Principal
    request: AwsRequest
    request_id: str
    backends: Backends
    operation: OperationId
    length: int | None = None
    trailers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose status or headers are not the model's; no body is sent for 204 and 304."""

    members: Parameters
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call, Parameters], Awaitable[Parameters | Reply]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A served operation; `missing` says what of it is not served, and makes it partial."""

    id: OperationId
    handler: Handler
    missing: str
    resource: Callable[[Parameters], str]


@dataclass(frozen=True, slots=True)
class ErrorName:
    """An AWS error code; `status` only where the model does not give it."""

    code: str
    status: int | None = None


class ErrorMembers:
    """Mixed into a leaf whose AWS error has members besides its message (`ModelError`)."""

    members: Parameters


_OPERATIONS: dict[OperationId, Operation] = {}
_ERRORS: dict[tuple[str, str], dict[type[PlatformError], ErrorName]] = {}


def operation(
    service: str,
    name: str,
    *,
    missing: str = "",
    resource: Callable[[Parameters], str] | None = None,
) -> Callable[[Handler], Handler]:
    """Registers a handler; `resource` names what the call touches, for a key's scopes."""

    def register(handler: Handler) -> Handler:
        identity = OperationId(service, name)
        if identity in _OPERATIONS:
            raise ValueError(f"{identity} has two handlers")
        _OPERATIONS[identity] = Operation(identity, handler, missing, resource or _any_resource)
        return handler

    return register


def errors(
    service: str, table: Mapping[type[PlatformError], str | ErrorName], *, operation: str = ""
) -> None:
    """Names a service's errors, or one operation's.

    A leaf without a name here has a common one, and a subclass falls back to its leaf's name: where
    S3 tells NoSuchBucket from NoSuchKey, its module subclasses NotFound.
    """
    named = {
        leaf: name if isinstance(name, ErrorName) else ErrorName(name)
        for leaf, name in table.items()
    }
    _ERRORS.setdefault((service, operation), {}).update(named)


def registered() -> tuple[Operation, ...]:
    return tuple(_OPERATIONS.values())


def error_tables() -> dict[tuple[str, str], dict[type[PlatformError], ErrorName]]:
    """By (service, operation); the operation is empty for a service's own table."""
    return _ERRORS


def error_name(identity: OperationId, kind: type) -> ErrorName | None:
    """What the operation, or else its service, calls exactly this class of error."""
    own = _ERRORS.get((identity.service, identity.name), {}).get(kind)
    return own or _ERRORS.get((identity.service, ""), {}).get(kind)


def _any_resource(_: Parameters) -> str:
    return "*"
