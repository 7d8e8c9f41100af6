"""What of AWS is served: every operation of the known services as real, partial or absent."""

from collections.abc import Mapping
from typing import Literal, TypedDict

from gateway.aws.protocol import models
from gateway.aws.protocol.identity import OperationId
from gateway.aws.registry import Operation
from gateway.aws.served import SERVED

Status = Literal["real", "partial", "absent"]


class Coverage(TypedDict):
    """`missing` says what a partial operation lacks."""

    service: str
    operation: str
    status: Status
    missing: str


def coverage(operations: Mapping[OperationId, Operation] = SERVED) -> list[Coverage]:
    """Every operation of every service in the models, by service and name."""
    return [
        _covered(OperationId(service, name), operations)
        for service in models.SERVICES
        for name in sorted(models.service(service).operations)
    ]


def render() -> str:
    """The same as a page in Markdown, for docs/compatibility.md."""
    rows = coverage()
    lines = [
        "# Compatibility with AWS",
        "",
        "Generated from the operations that are registered. `real`: works as AWS documents it;",
        "`partial`: works but for what is named; every other operation answers a typed error that",
        "names it.",
        "",
        "| service | real | partial | absent |",
        "|---|---|---|---|",
    ]
    by_service = {name: [row for row in rows if row["service"] == name] for name in models.SERVICES}
    for name, own in by_service.items():
        counts = " | ".join(str(_count(own, status)) for status in ("real", "partial", "absent"))
        lines.append(f"| {name} | {counts} |")
    for name, own in by_service.items():
        lines += _section(name, own)
    return "\n".join(lines) + "\n"


def _section(service: str, rows: list[Coverage]) -> list[str]:
    served = [row for row in rows if row["status"] != "absent"]
    absent = [row["operation"] for row in rows if row["status"] == "absent"]
    lines = ["", f"## {service}", ""]
    if served:
        lines += ["| operation | status | missing |", "|---|---|---|"]
        lines += [f"| {row['operation']} | {row['status']} | {row['missing']} |" for row in served]
    if absent:
        lines += (
            ["", f"Absent: {', '.join(absent)}."] if served else [f"Absent: {', '.join(absent)}."]
        )
    return lines


def _covered(identity: OperationId, operations: Mapping[OperationId, Operation]) -> Coverage:
    operation = operations.get(identity)
    status: Status = "absent" if operation is None else "partial" if operation.missing else "real"
    return {
        "service": identity.service,
        "operation": identity.name,
        "status": status,
        "missing": operation.missing if operation else "",
    }


def _count(rows: list[Coverage], *statuses: Status) -> int:
    return sum(row["status"] in statuses for row in rows)
