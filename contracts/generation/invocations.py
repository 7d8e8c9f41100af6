"""Invocations of what is deployed: what they reach, and those that nobody waits for."""

from secrets import SystemRandom
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from contracts.contract import Contract
from contracts.generation.hosting import AsyncOutput

Form: TypeAlias = Literal["lmi", "lmi-sse", "lmi-vllm", "tgi"]
"""How a container writes its answers; see the decision record on names and forms."""

_chance = SystemRandom()


class FindTarget(Contract):
    """Of an invocation; empty names where the request gives none."""

    endpoint: str
    component: str = ""
    variant: str = ""


class Target(Contract):
    """What an invocation reaches. `component` and `adapter` are for the generation service.

    `names` are what its model is called beside `model`: the base model's names, the endpoint's.
    `terms` is the address of terms that must be accepted with each invocation, or None.
    """

    model: str
    component: str = ""
    adapter: str = ""
    names: list[str] = Field(default_factory=list)
    variant: str = "AllTraffic"
    form: Form = "lmi"
    terms: str | None = None
    asynchronous: AsyncOutput | None = None


class Share(Contract):
    target: Target
    weight: Annotated[float, Field(gt=0)]


class Targets(Contract):
    """Where invocations of an endpoint go: each to one of these, by weight."""

    shares: Annotated[list[Share], Field(min_length=1)]

    def one(self) -> Target:
        """For one invocation."""
        if len(self.shares) == 1:
            return self.shares[0].target
        return _chance.choices(self.shares, [share.weight for share in self.shares])[0].target


ASYNC_INFERENCE = "async-inference"
"""The kind of the job that answers an AsyncInvocation."""


class ObjectPlace(Contract):
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class AsyncInvocation(Contract):
    """The input of the job: what was asked, as it was when it was accepted.

    `expires_at` in UNIX seconds: until then it must have begun; `timeout` in seconds.
    """

    account: str
    key: str
    target: Target
    adapter: str | None
    accepts_terms: bool
    input: ObjectPlace
    output: ObjectPlace
    failure: ObjectPlace | None
    expires_at: float
    timeout: float
