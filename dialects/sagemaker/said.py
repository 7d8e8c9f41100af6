"""What an invocation says beside its body: in headers, and in its custom attributes."""

import re
from dataclasses import dataclass

from kit.errors import PermissionDenied

ADAPTER_HEADER = "x-amzn-sagemaker-adapter-identifier"
TERMS = (
    "Need to pass custom_attributes='accept_eula=true' as part of header. This means you have read "
    "and accept the end-user license agreement (EULA) of the model"
)


@dataclass(frozen=True, slots=True)
class Said:
    """`adapter` is None where neither a header nor an attribute names one; "" is the base."""

    adapter: str | None = None
    accepts_terms: bool = False

    def check_terms(self, terms: str | None) -> None:
        """`terms` is the address of what must be accepted, or None. Raises PermissionDenied."""
        if terms is not None and not self.accepts_terms:
            raise PermissionDenied(f"{TERMS}: {terms}", param="CustomAttributes")


def said(header: str | None, attributes: str) -> Said:
    """The adapter header beats the attribute `adapter=…`."""
    told = dict(_pairs(attributes))
    adapter = header if header is not None else told.get("adapter")
    return Said(adapter, told.get("accept_eula", "").lower() == "true")


def _pairs(attributes: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in re.split(r"[,;&]", attributes))
    return [(name.strip(), value.strip()) for name, _, value in parts if name.strip()]
