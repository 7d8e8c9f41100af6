"""What an OpenAI endpoint gets, and how its body is read."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.backends import Backends
from gateway.response import Response
from kit.auth.metering import Spending
from kit.auth.principal import Principal
from kit.catalogue import Kind
from kit.errors import InvalidRequest

Asked = TypeVar("Asked", bound="Body")


class Body(BaseModel):
    """A request body; a member that we do not know could change the outcome, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    principal: Principal
    backends: Backends
    operation: str
    body: bytes
    argument: str = ""
    """The last part of the path, where the route has one."""

    def spending(self, model: str, kind: Kind) -> AbstractAsyncContextManager[Spending]:
        """`model` as the caller names it; raises NotFound where no model of the kind has it."""
        return self.backends.metering.spending(
            self.principal,
            self.operation,
            self.backends.catalogue.find(model, kind=kind).id,
            request_bytes=len(self.body),
        )


Endpoint = Callable[[Call], Coroutine[Any, Any, Response]]


def read(call: Call, shape: type[Asked]) -> Asked:
    """Raises InvalidRequest that names the first wrong member."""
    try:
        return shape.model_validate_json(call.body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InvalidRequest(f"{where} is not served; leave it out.", param=where) from error
        raise InvalidRequest(f"{where or 'body'}: {first['msg']}", param=where or None) from error


def json_response(answer: object) -> Response:
    return Response(200, [(b"content-type", b"application/json")], orjson.dumps(answer))
