"""The AWS services this platform knows, read from botocore's service models on first use."""

import gzip
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import botocore
import orjson
from botocore.model import OperationModel, ServiceModel, Shape

from gateway.aws.protocol.extras import EXTRA
from gateway.aws.protocol.identity import OperationId

SERVICES = (
    "bedrock",
    "bedrock-runtime",
    "bedrock-agent",
    "bedrock-agent-runtime",
    "sagemaker",
    "sagemaker-runtime",
    "s3",
    "sts",
)
_DATA = Path(botocore.__file__).parent / "data"


@dataclass(frozen=True, eq=False)
class OperationSpec:
    """One operation of a model; hashed by identity, so that what is compiled of it is cached."""

    id: OperationId
    model: Any

    @cached_property
    def input(self) -> Any:
        """The input shape, or None."""
        return self.model.input_shape

    @cached_property
    def output(self) -> Any:
        """The output shape, or None."""
        return self.model.output_shape

    @cached_property
    def status(self) -> int:
        return int(self.model.http.get("responseCode") or 200)

    @cached_property
    def streams_in(self) -> bool:
        """Whether the body is handed to the handler as it arrives, not buffered first."""
        payload = payload_member(self.input)
        return payload is not None and is_streaming(self.input.members[payload])

    @cached_property
    def event_stream(self) -> str | None:
        """The output member that is an event stream."""
        return _event_stream_member(self.output)

    @cached_property
    def errors(self) -> dict[str, Any]:
        """The error shapes that the operation's model lists, by their code."""
        return {error_code(shape): shape for shape in self.model.error_shapes}


@dataclass(frozen=True, eq=False)
class ServiceSpec:
    """A service's model; `raw` is the JSON without its documentation."""

    name: str
    raw: dict[str, Any]

    @cached_property
    def model(self) -> Any:
        return ServiceModel(self.raw, self.name)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return dict(self.raw["metadata"])

    @cached_property
    def protocols(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("protocols") or (self.metadata["protocol"],))

    @cached_property
    def signing_name(self) -> str:
        return str(self.metadata.get("signingName") or self.metadata["endpointPrefix"])

    @cached_property
    def operations(self) -> tuple[str, ...]:
        return tuple(self.raw["operations"])

    @cached_property
    def errors(self) -> dict[str, Any]:
        """Every error shape of the service, by its code."""
        names = (
            name
            for name, shape in self.raw["shapes"].items()
            if shape.get("exception") or "error" in shape
        )
        return {error_code(shape): shape for shape in map(self.model.shape_for, names)}

    @cached_property
    def _specs(self) -> dict[str, OperationSpec]:
        return {}

    def operation(self, name: str) -> OperationSpec:
        spec = self._specs.get(name)
        if spec is None:
            raw = self.raw["operations"][name]
            model = OperationModel(raw, self.model, name)
            spec = self._specs[name] = OperationSpec(OperationId(self.name, name), model)
        return spec


@cache
def service(name: str) -> ServiceSpec:
    """Raises KeyError for a service that is not in SERVICES."""
    if name not in SERVICES:
        raise KeyError(name)
    newest = max((_DATA / name).iterdir())
    raw = orjson.loads(gzip.decompress((newest / "service-2.json.gz").read_bytes()))
    _drop_documentation(raw)
    for section, additions in EXTRA.get(name, {}).items():
        raw[section].update(additions)
    return ServiceSpec(name, raw)


def payload_member(shape: Any) -> str | None:
    """The member that is the whole body, if the model names one."""
    return shape.serialization.get("payload") if shape is not None else None


def is_streaming(shape: Any) -> bool:
    """Whether a payload is a stream of bytes or of events."""
    return bool(shape.serialization.get("streaming") or shape.serialization.get("eventstream"))


def error_code(shape: Shape) -> str:
    return str(shape.metadata.get("error", {}).get("code") or shape.name)


def message_name(shape: Any) -> str:
    """The member that an error's shape keeps its text in; SageMaker's is `Message`."""
    members = shape.members if shape is not None else ()
    return next((name for name in members if name.lower() == "message"), "message")


def error_status(shape: Shape) -> int | None:
    status = shape.metadata.get("error", {}).get("httpStatusCode")
    return int(status) if status else None


def _event_stream_member(shape: Any) -> str | None:
    for name, member in shape.members.items() if shape is not None else ():
        if member.serialization.get("eventstream"):
            return str(name)
    return None


def _drop_documentation(raw: dict[str, Any]) -> None:
    """Most of a model is prose; without it the models take a third of the memory."""
    for shape in (*raw["shapes"].values(), *raw["operations"].values()):
        shape.pop("documentation", None)
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)
