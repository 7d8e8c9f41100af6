"""How an endpoint gets to what is wanted of it: what serves goes on until all of the next serves.

An endpoint's spec says what is wanted, `parts` among it: the spec of each variant that runs a model
by itself. While it is being updated its state holds, as `fallback`, the spec to go back to.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from kit.auth.principal import Principal
from kit.database import clock
from kit.errors import InvalidRequest, NotReady
from services.generation.repository.hosting.rows import (
    Json,
    NewRecord,
    Record,
    found,
    note,
    put_record,
    remove,
    set_record,
    within,
)
from services.generation.service.hosting.deployments import SEEN, unplanned


def told(endpoint: Record) -> Json:
    """The spec that invocations and descriptions go by."""
    spec: Json = endpoint.state.get("fallback", endpoint.spec)
    return spec


def add_part(
    connection: Connection, who: Principal, endpoint: str, variant: str, spec: Json
) -> None:
    name = f"{endpoint}/{variant}"
    if found(connection, who.tenant, "variant", name) is not None:
        raise InvalidRequest(f"The variant {variant} is still being taken down; try again.")
    new = NewRecord("variant", name, spec, "Creating", endpoint=endpoint, variant=variant)
    put_record(connection, who, new)


def move(connection: Connection, who: Principal, one: Record, spec: Json) -> None:
    """Begins an update of an endpoint, which is locked."""
    standing = variants(connection, one)
    state = {"fallback": one.spec} if _serves(one.spec, standing) else {}
    _set_parts(connection, who, one, spec, standing)
    _drop(connection, spec, [part for part in standing.values() if not part.state.get("serving")])
    values = {"spec": spec, "status": "Updating", "reason": "", "state": state}
    set_record(connection, one.tenant, "endpoint", one.name, **values)


def settle_endpoint(connection: Connection, known: Record, seen: float = SEEN) -> None:
    """An endpoint is what its variants are; one whose update fails goes back to what served.

    `seen`: seconds for which what is replaced is kept, for those who do not know yet.
    Raises NotReady where it has to wait for something that is still being taken down.
    """
    one = found(connection, known.tenant, "endpoint", known.name, lock=True)
    if one is None or one.revision != known.revision:
        return
    if one.status == "Deleting":
        if not within(connection, one.tenant, one.name):
            remove(connection, one)
        return
    standing = variants(connection, one)
    wanted = [part for name, part in standing.items() if name in one.spec["parts"]]
    reason = _failure(one, wanted)
    if reason and "fallback" in one.state:
        _go_back(connection, one, reason, standing)
    elif reason:
        note(connection, one, status="Failed", reason=reason)
    elif all(part.status == "InService" for part in wanted):
        _arrive(connection, one, [part for part in standing.values() if part not in wanted], seen)


def _arrive(connection: Connection, one: Record, leaving: list[Record], seen: float) -> None:
    """All that is wanted serves; what it replaced is there until nobody goes there any more."""
    now, is_moving = clock(connection), one.status == "Updating"
    state = {"left_at": now, **one.state}
    state.pop("fallback", None)
    if now >= state["left_at"] + seen or not is_moving:
        _drop(connection, one.spec, leaving)
    if leaving and is_moving:  # until its copies are let go of
        note(connection, one, state=state)
    else:
        note(connection, one, status="InService", reason=state.get("reason", ""), state={})


def variants(connection: Connection, one: Record) -> dict[str, Record]:
    """Of an endpoint, those that run a model by themselves; locked, as they are to change."""
    parts = within(connection, one.tenant, one.name, lock=True)
    return {
        part.variant: part for part in parts if part.kind == "variant" and part.status != "Deleting"
    }


def _failure(one: Record, wanted: list[Record]) -> str:
    """Of a variant that failed, or that went back by itself to what it served before."""
    for part in wanted:
        is_settled = part.status in ("InService", "Failed")
        if part.status == "Failed" or (is_settled and part.spec != one.spec["parts"][part.variant]):
            return f"{part.variant}: {part.reason}"
    return ""


def _go_back(connection: Connection, one: Record, reason: str, standing: dict[str, Record]) -> None:
    """Another update, to what served; it keeps the reason, and has nowhere to go back to.

    Raises NotReady while something of it is still being taken down.
    """
    spec = one.state["fallback"]
    try:
        _set_parts(connection, one.owner, one, spec, standing)
    except InvalidRequest as error:
        raise NotReady(error.message) from error
    _drop(connection, spec, standing.values())
    values = {"spec": spec, "status": "Updating", "reason": reason, "state": {"reason": reason}}
    set_record(connection, one.tenant, "endpoint", one.name, **values)


def _set_parts(
    connection: Connection, who: Principal, one: Record, spec: Json, standing: dict[str, Record]
) -> None:
    """What nothing asks for any more is left as it is."""
    for variant, wanted in spec["parts"].items():
        part = standing.get(variant)
        if part is None:
            add_part(connection, who, one.name, variant, wanted)
        elif part.spec != wanted or part.status == "Failed":
            status = "Updating" if part.state.get("serving") else "Creating"
            values = {"spec": wanted, "status": status, "reason": ""}
            values["state"] = unplanned(part.state)
            set_record(connection, one.tenant, "variant", part.name, **values)


def _drop(connection: Connection, spec: Json, parts: Iterable[Record]) -> None:
    for part in parts:
        if part.variant not in spec["parts"]:
            set_record(connection, part.tenant, "variant", part.name, status="Deleting")


def _serves(spec: Json, standing: dict[str, Record]) -> bool:
    """Whether there is something to go back to."""
    serving = {name for name, part in standing.items() if part.state.get("serving")}
    return serving.issuperset(spec["parts"])
