"""Goals as data beside what they are for, and the verdicts that the page of figures is made of."""

from dataclasses import dataclass
from typing import Any, Literal

Verdict = dict[str, Any]
"""`goal` and `measured` as text, `met`, and `reason`: how it was measured, or why it was missed.

`met` is None where nothing was measured, or no goal was set.
"""


class NotMeasured(Exception):
    """What a benchmark needs is not here; says what, and how it is installed."""


@dataclass(frozen=True, slots=True)
class Goal:
    """`value` in `unit` is the least or the most that is good enough."""

    what: str
    bound: Literal["at least", "at most"]
    value: float
    unit: str

    def judge(self, measured: float, reason: str = "") -> Verdict:
        """`reason` is shown beside the figure, whether it was met or missed."""
        is_enough = self.bound == "at least"
        met = measured >= self.value if is_enough else measured <= self.value
        return {
            "goal": f"{self.what}: {self.bound} {self.value:,.6g} {self.unit}".rstrip(),
            "measured": f"{_rounded(measured)} {self.unit}".rstrip(),
            "met": met,
            "reason": reason,
        }

    def not_measured(self, reason: str) -> Verdict:
        """The goal's row where something that it needs is not here; `reason` says what."""
        return self.judge(0) | {"measured": "not measured", "met": None, "reason": reason}


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
