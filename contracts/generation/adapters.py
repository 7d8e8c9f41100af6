"""Adapters: LoRA weights that a tenant owns, the names that lead to them, and who may use them."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from contracts.contract import Contract
from contracts.generation.requests import ModelName

ADMISSION = "adapter-admission"
"""The kind of the job that checks an adapter."""

Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 over the adapter's files, in hex; `NAME@sha256:DIGEST` where a model is named."""
AdapterName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Component: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,63}$")]
"""The SageMaker inference component whose names are meant; empty for the tenant's own."""
Account: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
State: TypeAlias = Literal["checking", "ready", "refused"]


class ObjectSource(Contract):
    """An archive (.tar.gz, .tar, .zip) in the tenant's object store, or a prefix of two files."""

    type: Literal["object"] = "object"
    uri: Annotated[
        str, Field(pattern=r"^s3://[^/\x00-\x1f\x7f]+/[^\x00-\x1f\x7f]+$", max_length=1100)
    ]


class FolderSource(Contract):
    """A folder under one that the operator allows (`GENERATION_ADAPTER_FOLDERS`)."""

    type: Literal["folder"] = "folder"
    name: AdapterName


class HubSource(Contract):
    """A repository of the Hugging Face hub, where the operator allows it."""

    type: Literal["hub"] = "hub"
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")]
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,99}$")] = "main"


class StagedSource(Contract):
    """An upload that the gateway has put into the blob store; never named by a client."""

    type: Literal["staged"] = "staged"
    blob: str
    size: Annotated[int, Field(ge=0)]


ClientSource: TypeAlias = Annotated[
    ObjectSource | FolderSource | HubSource, Field(discriminator="type")
]
"""What a client may name as a source."""
Source: TypeAlias = Annotated[
    ObjectSource | FolderSource | HubSource | StagedSource, Field(discriminator="type")
]


class AddAdapter(Contract):
    """`name` is given to it: at once where it is new, else as soon as the adapter is ready.

    `member` picks one of several adapters of an archive: the name of its folder there.
    """

    source: Source
    base: ModelName
    name: AdapterName | None = None
    component: Component = ""
    member: AdapterName | None = None


class Upload(Contract):
    """What an upload says of itself before its bytes come."""

    base: ModelName
    name: AdapterName | None = None


class RegisterArchive(Contract):
    """Every adapter of a source, each named after its folder there."""

    source: Source
    base: ModelName
    component: Component = ""


class Check(Contract):
    """`detail` says why it failed or was skipped, or what was seen."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    detail: str = ""


class NameOf(Contract):
    name: str
    component: str = ""


class Adapter(Contract):
    """Times in UNIX seconds. `reasons` say why it was refused, or what its checks wait for; `job`
    is the one that checks it."""

    digest: str
    base: str
    rank: int
    size: int
    source: str
    state: State
    reasons: list[str]
    checks: list[Check]
    job: str
    owned: bool
    """False where another tenant grants it."""
    names: list[NameOf]
    created_at: float
    updated_at: float
    pinned: bool = False
    """Whether its owner keeps it loaded."""


class Adapters(Contract):
    items: list[Adapter]


class RegisteredArchive(Contract):
    """By the name of each adapter."""

    adapters: dict[str, Adapter]


class AdapterId(Contract):
    digest: Digest


class AliasId(Contract):
    name: AdapterName
    component: Component = ""


class ComponentId(Contract):
    component: Component


class PutAlias(AliasId):
    digest: Digest


class Rollback(AliasId):
    """To what the name led to before its last move, or at `version`."""

    version: Annotated[int, Field(ge=1)] | None = None


class Alias(Contract):
    """`version` counts the moves of the name."""

    name: str
    component: str
    digest: str
    version: int
    updated_at: float


class Aliases(Contract):
    items: list[Alias]


class Move(Contract):
    """`digest` is None where the name was deleted; `key` is the id of the key that did it."""

    version: int
    digest: str | None
    key: str
    at: float


class Moves(Contract):
    """The newest first."""

    items: list[Move]


class Grant(Contract):
    """Lets the tenant with that account number use the adapter by its digest."""

    digest: Digest
    account: Account


class Grants(Contract):
    accounts: list[str]


class Quota(Contract):
    """What the tenant may keep, and what it keeps now."""

    adapters: int
    bytes: int
    pins: int
    adapters_used: int
    bytes_used: int
    pins_used: int


class AdmitAdapter(Contract):
    """One step of the admission job `job`, in its attempt `epoch`.

    "broken" ends it: the base's server went away as often as the adapter was tried on it.
    """

    digest: Digest
    step: Literal["weights", "parity", "stopped", "broken"]
    job: str
    epoch: int


class Admitted(Contract):
    state: State
