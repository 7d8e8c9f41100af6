"""Inference components: models and adapters that run on an endpoint, each by its own name."""

from typing import Any

from sqlalchemy import Connection

from contracts.generation.hosting import (
    Component,
    Components,
    CreateComponent,
    Deployed,
    Query,
    UpdateComponent,
)
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from services.generation.repository.hosting.listing import page
from services.generation.repository.hosting.rows import (
    Json,
    NewRecord,
    Record,
    found,
    put_record,
    record,
    set_record,
    within,
)
from services.generation.service.hosting.demands import Demands
from services.generation.service.hosting.deployments import Deployment, unplanned
from services.generation.service.hosting.moving import told
from services.generation.service.hosting.reconciling import Reconciler
from services.generation.service.hosting.records import component_of


class ComponentService:
    def __init__(self, database: Database, demands: Demands, reconciler: Reconciler) -> None:
        self._database = database
        self._demands = demands
        self._reconciler = reconciler

    async def create(self, who: Principal, ask: CreateComponent) -> Component:
        made = await self._database.write(_create, who, ask)
        self._reconciler.wake()
        return self._shown(made)

    async def get(self, who: Principal, name: str) -> Component:
        return self._shown(await self._database.read(record, who, "inference-component", name))

    async def list(self, who: Principal, ask: Query) -> Components:
        items, token = await self._database.read(page, who.tenant, "inference-component", ask)
        return Components(items=[self._shown(one) for one in items], next_token=token)

    async def update(self, who: Principal, ask: UpdateComponent) -> Component:
        changed = await self._database.write(_update, who, ask)
        self._reconciler.wake()
        return self._shown(changed)

    async def delete(self, who: Principal, name: str) -> None:
        await self._database.write(_delete, who, name)
        self._reconciler.wake()

    def _shown(self, one: Record) -> Component:
        return component_of(one, self._demands.running(Deployment(one)))


def _create(connection: Connection, who: Principal, ask: CreateComponent) -> Record:
    endpoint = record(connection, who, "endpoint", ask.endpoint, lock=True)
    if endpoint.status not in ("InService", "Updating", "Creating"):
        raise InvalidRequest(f'The endpoint "{ask.endpoint}" is {endpoint.status}.')
    variant = _variant(endpoint, endpoint.spec, ask.variant)
    _variant(endpoint, told(endpoint), variant["name"])  # an update that fails goes back to it
    spec = _spec(connection, who, ask.endpoint, ask.deployed, ask.copies)
    spec["scaling"] = variant["scaling"]
    new = NewRecord(
        "inference-component",
        ask.name,
        spec,
        "Creating",
        endpoint=ask.endpoint,
        variant=variant["name"],
        tags=ask.tags,
    )
    return put_record(connection, who, new)


def _update(connection: Connection, who: Principal, ask: UpdateComponent) -> Record:
    """What serves goes on until its successor is ready."""
    one = _locked(connection, who, ask.name)
    if one.status not in ("InService", "Failed"):
        raise InvalidRequest(f'Cannot update in-progress inference component "{ask.name}".')
    copies = one.spec["copies"] if ask.copies is None else ask.copies
    deployed = ask.deployed or Deployed.model_validate(one.spec["deployed"])
    spec = {**one.spec, **_spec(connection, who, one.endpoint, deployed, copies)}
    if ask.deployed is not None and _runs(spec) != _runs(one.spec):
        _check_alone(connection, one)
    status = "Updating" if one.state.get("serving") else "Creating"
    values: Json = {"spec": spec, "status": status, "reason": "", "state": unplanned(one.state)}
    set_record(connection, who.tenant, "inference-component", ask.name, **values)
    return record(connection, who, "inference-component", ask.name)


def _delete(connection: Connection, who: Principal, name: str) -> None:
    one = _locked(connection, who, name)
    if one.status == "Deleting":
        return
    _check_alone(connection, one)
    set_record(connection, who.tenant, "inference-component", name, status="Deleting")


def _locked(connection: Connection, who: Principal, name: str) -> Record:
    """With its endpoint, so that meanwhile no adapter comes to it."""
    one = record(connection, who, "inference-component", name)
    found(connection, who.tenant, "endpoint", one.endpoint, lock=True)
    return record(connection, who, "inference-component", name, lock=True)


def _check_alone(connection: Connection, one: Record) -> None:
    """Its adapters fit no other model than the one that it runs. Raises Conflict.

    One that is moved to another base may yet come back.
    """
    adapters = [
        part.name
        for part in within(connection, one.tenant, one.endpoint)
        if part.status != "Deleting" and one.name in _bases(part)
    ]
    if adapters:
        raise Conflict(f"Delete the adapters of it first: {', '.join(adapters)}.")


def _bases(part: Record) -> set[str | None]:
    """What it is an adapter of, and what it was while it last served."""
    specs = (part.spec, part.state.get("spec", {}))
    return {spec.get("deployed", {}).get("base") for spec in specs}


def _runs(spec: Json) -> tuple[object, object]:
    """What names the model, and the form of its answers."""
    return spec["container"], spec["tags"]


def _variant(endpoint: Record, spec: Json, name: str | None) -> Json:
    """The one of a spec of the endpoint's that is asked for, or its only one."""
    variants: list[Json] = spec["variants"]
    is_only = name is None and len(variants) == 1
    variant = next((one for one in variants if is_only or one["name"] == name), None)
    if variant is None:
        known = ", ".join(one["name"] for one in variants)
        raise InvalidRequest(
            f'The endpoint "{endpoint.name}", which is {endpoint.status}, has '
            f"{f'no variant {name}' if name else 'several variants'}; name one of these: {known}.",
            param="VariantName",
        )
    if variant["model"] is not None:
        raise InvalidRequest(
            f"The variant {variant['name']} runs the model {variant['model']} by itself; "
            "inference components need a variant without ModelName."
        )
    return variant


def _spec(
    connection: Connection, who: Principal, endpoint: str, deployed: Deployed, copies: int
) -> dict[str, Any]:
    """With what it needs of its model, or of the component that it belongs to."""
    container = None if deployed.container is None else deployed.container.model_dump()
    tags: dict[str, str] = {}
    if deployed.base is not None:
        base = record(connection, who, "inference-component", deployed.base)
        if base.endpoint != endpoint or base.spec["deployed"]["base"] is not None:
            raise InvalidRequest(f"{deployed.base} is no base inference component of {endpoint}.")
    elif deployed.model is not None:
        model = record(connection, who, "model", deployed.model)
        container, tags = model.spec["container"], model.tags
    if container is None:
        raise InvalidRequest("Specification needs ModelName, or a Container with what it runs.")
    return {
        "deployed": deployed.model_dump(),
        "container": container,
        "tags": tags,
        "copies": copies,
        "patience": deployed.patience,
    }
