"""Hosting: models, endpoints and inference components that a tenant deploys, as SageMaker has them.

`shown` are members of AWS's wire that change nothing here and are told again as they came.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from contracts.contract import Contract

Shown: TypeAlias = dict[str, Any]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")]
Kind: TypeAlias = Literal["model", "endpoint-config", "endpoint", "inference-component"]
Status: TypeAlias = Literal["Creating", "Updating", "InService", "Deleting", "Failed"]
Tags: TypeAlias = dict[str, str]

MOST_COPIES = 1000
"""Of one variant or inference component, and the most accelerators that one copy may ask for."""
Copies: TypeAlias = Annotated[int, Field(ge=0, le=MOST_COPIES)]
Weight: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]


def _check_once(variants: Iterable[str]) -> None:
    """All that is known of a variant is known by its name. Raises what pydantic tells."""
    name, times = Counter(variants).most_common(1)[0]
    if times > 1:
        raise PydanticCustomError("twice", "The variant {name} is there twice.", {"name": name})


class Container(Contract):
    """What is deployed: the environment, or a file in the artifact (S3), names the base model."""

    image: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    artifact: str = ""
    accepts_eula: bool = False


class Named(Contract):
    name: str


class Query(Contract):
    """A page of a listing; times in UNIX seconds, bounds exclusive."""

    limit: Annotated[int, Field(ge=1, le=100)] = 10
    token: Annotated[str, Field(max_length=8192)] | None = None
    sort_by: Literal["Name", "CreationTime", "Status"] = "CreationTime"
    descending: bool = True
    contains: str = ""
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    status: str | None = None
    endpoint: str | None = None
    variant: str | None = None


class CreateModel(Contract):
    name: Name
    container: Container | None = None
    shown: Shown = Field(default_factory=dict)
    tags: Tags = Field(default_factory=dict)


class Model(Contract):
    name: str
    container: Container | None
    shown: Shown
    created_at: float


class Models(Contract):
    items: list[Model]
    next_token: str | None = None


class Scaling(Contract):
    """Copies follow the requests under way, within these."""

    least: Copies = 1
    most: Annotated[int, Field(ge=1, le=MOST_COPIES)] = 1


class Variant(Contract):
    """`model` names one of the tenant's models; None where inference components bring theirs."""

    name: Name
    model: str | None = None
    copies: Copies = 1
    weight: Weight = 1.0
    scaling: Scaling | None = None
    patience: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds until a start counts as failed."""
    shown: Shown = Field(default_factory=dict)


class AsyncOutput(Contract):
    """Where answers that nobody waits for are written: S3 URIs of prefixes."""

    output: str
    failure: str | None = None


class CreateEndpointConfig(Contract):
    name: Name
    variants: Annotated[list[Variant], Field(min_length=1, max_length=10)]
    asynchronous: AsyncOutput | None = None
    shown: Shown = Field(default_factory=dict)
    tags: Tags = Field(default_factory=dict)

    @field_validator("variants")
    @classmethod
    def _once(cls, variants: list[Variant]) -> list[Variant]:
        _check_once(one.name for one in variants)
        return variants


class EndpointConfig(Contract):
    name: str
    variants: list[Variant]
    asynchronous: AsyncOutput | None
    shown: Shown
    created_at: float


class EndpointConfigs(Contract):
    items: list[EndpointConfig]
    next_token: str | None = None


class PutEndpoint(Contract):
    """Makes an endpoint of a configuration, or moves one to it."""

    name: Name
    config: Name
    keeps_capacity: bool = False
    """With an update: whether the variants keep the copies and weights that they have."""
    tags: Tags = Field(default_factory=dict)


class Capacity(Contract):
    variant: str
    copies: Copies | None = None
    weight: Weight | None = None


class SetCapacities(Contract):
    name: str
    capacities: Annotated[list[Capacity], Field(min_length=1)]

    @field_validator("capacities")
    @classmethod
    def _once(cls, capacities: list[Capacity]) -> list[Capacity]:
        _check_once(one.variant for one in capacities)
        return capacities


class VariantState(Contract):
    name: str
    copies: int
    """How many are wanted."""
    running: int
    weight: float
    image: str
    shown: Shown


class Endpoint(Contract):
    name: str
    config: str
    status: Status
    reason: str
    variants: list[VariantState]
    shown: Shown
    created_at: float
    updated_at: float


class Endpoints(Contract):
    items: list[Endpoint]
    next_token: str | None = None


class Deployed(Contract):
    """What an inference component runs: a model, a container, or an adapter for another one.

    `base` names the inference component whose model the adapter in `container.artifact` changes.
    """

    model: str | None = None
    container: Container | None = None
    base: str | None = None
    accelerators: Annotated[float, Field(ge=0, le=MOST_COPIES)] = 0
    memory_mib: Annotated[int, Field(ge=0, le=2**31)] = 0
    patience: Annotated[float, Field(gt=0)] = 3600.0
    shown: Shown = Field(default_factory=dict)


class CreateComponent(Contract):
    name: Name
    endpoint: Name
    variant: Name | None = None
    deployed: Deployed
    copies: Copies = 1
    tags: Tags = Field(default_factory=dict)


class UpdateComponent(Contract):
    """What is None stays as it is."""

    name: str
    deployed: Deployed | None = None
    copies: Copies | None = None


class Component(Contract):
    name: str
    endpoint: str
    variant: str
    status: Status
    reason: str
    deployed: Deployed
    copies: int
    running: int
    created_at: float
    updated_at: float


class Components(Contract):
    items: list[Component]
    next_token: str | None = None


class Tagged(Contract):
    """`put` are set and `removed` taken away from a resource."""

    kind: Kind
    name: str
    put: Tags = Field(default_factory=dict)
    removed: list[str] = Field(default_factory=list)


class TagSet(Contract):
    tags: Tags
