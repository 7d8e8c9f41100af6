"""What a deployment's row means: who holds its copies, whose its adapters are, what it runs.

The `state` of hosting's rows, where each key may be absent:

- of a variant or a component: `serving`, `next` and `left` are stored plans (what serves, what is
  to, and what served before), `spec` is what led to `serving`, `left_at` when `left` was replaced;
- of an endpoint in an update: `fallback` is the spec to go back to, `reason` why it is going back
  already, `left_at` when all that is wanted served.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from contracts.generation.hosting import Scaling
from contracts.generation.invocations import Form
from services.generation.repository.hosting.rows import Record

SEEN = 2.0
"""Seconds after which every invocation goes to what serves now: clients keep targets for one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment turned out to be; kept in its row, so that nothing is found out twice.

    `namespace` is whose adapters are meant, and `adapter` the one that it always uses.
    `digests` are those that must be ready; None until they are registered.
    """

    model: str
    copies: int
    namespace: str
    form: Form = "lmi"
    terms: str | None = None
    adapter: str = ""
    folders: tuple[str, ...] = ()
    digests: tuple[str, ...] | None = None

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> "Plan | None":
        if stored is None:
            return None
        digests = stored["digests"]
        return cls(
            **{
                **stored,
                "folders": tuple(stored["folders"]),
                "digests": None if digests is None else tuple(digests),
            }
        )

    def stored(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A row of a kind that runs, read."""

    row: Record
    serving: Plan | None = field(init=False)
    next: Plan | None = field(init=False)
    left: Plan | None = field(init=False)
    """What served before; whoever has just been told of it still goes there."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "serving", Plan.of(self.row.state.get("serving")))
        object.__setattr__(self, "next", Plan.of(self.row.state.get("next")))
        object.__setattr__(self, "left", Plan.of(self.row.state.get("left")))

    @property
    def served(self) -> dict[str, Any]:
        """The spec that led to `serving`; an update that fails goes back to it."""
        return dict(self.row.state["spec"])

    @property
    def holder(self) -> str:
        """Under which the fleet knows whose copies these are."""
        return f"{self.row.tenant}:{self.row.kind}:{self.row.name}"

    @property
    def namespace(self) -> str:
        """An inference component's name; a variant's own, which no component can be given."""
        return namespace(self.row.kind, self.row.name)

    @property
    def scaling(self) -> Scaling | None:
        stored = self.row.spec.get("scaling")
        return None if stored is None else Scaling.model_validate(stored)


def settled(plan: Plan, spec: dict[str, Any]) -> dict[str, Any]:
    """The state of a row whose plan serves, and that is on its way nowhere."""
    return {"serving": plan.stored(), "spec": spec}


def unplanned(state: dict[str, Any]) -> dict[str, Any]:
    """A state with what serves, and not with what it was on its way to."""
    return {name: state[name] for name in ("serving", "spec") if name in state}


def namespace(kind: str, name: str) -> str:
    if kind == "inference-component":
        return name
    # 64 hex digits would be a component's longest name and one more.
    return f"-{hashlib.sha256(name.encode()).hexdigest()[:40]}"
