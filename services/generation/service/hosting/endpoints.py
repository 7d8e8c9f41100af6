"""Endpoints: made of a configuration, moved to another, and taken down."""

from typing import Any

from sqlalchemy import Connection

from contracts.generation.hosting import (
    Endpoint,
    Endpoints,
    PutEndpoint,
    Query,
    SetCapacities,
    Variant,
)
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from services.generation.repository.hosting.listing import page
from services.generation.repository.hosting.rows import (
    Json,
    NewRecord,
    Record,
    put_record,
    record,
    set_record,
    within,
)
from services.generation.service.hosting.demands import Demands
from services.generation.service.hosting.deployments import Deployment
from services.generation.service.hosting.moving import add_part, move, variants
from services.generation.service.hosting.reconciling import Reconciler
from services.generation.service.hosting.records import endpoint_of


class EndpointService:
    def __init__(self, database: Database, demands: Demands, reconciler: Reconciler) -> None:
        self._database = database
        self._demands = demands
        self._reconciler = reconciler

    async def create(self, who: Principal, ask: PutEndpoint) -> Endpoint:
        return await self._changed(await self._database.write(_create, who, ask))

    async def get(self, who: Principal, name: str) -> Endpoint:
        return await self._shown(await self._database.read(record, who, "endpoint", name))

    async def list(self, who: Principal, ask: Query) -> Endpoints:
        items, token = await self._database.read(page, who.tenant, "endpoint", ask)
        return Endpoints(items=[endpoint_of(one, {}) for one in items], next_token=token)

    async def update(self, who: Principal, ask: PutEndpoint) -> Endpoint:
        return await self._changed(await self._database.write(_update, who, ask))

    async def set_capacities(self, who: Principal, ask: SetCapacities) -> Endpoint:
        return await self._changed(await self._database.write(_set_capacities, who, ask))

    async def delete(self, who: Principal, name: str) -> None:
        await self._database.write(_delete, who, name)
        self._reconciler.wake()

    async def _changed(self, one: Record) -> Endpoint:
        self._reconciler.wake()
        return await self._shown(one)

    async def _shown(self, one: Record) -> Endpoint:
        parts = await self._database.read(within, one.tenant, one.name)
        running = {
            part.variant: self._demands.running(Deployment(part))
            for part in parts
            if part.kind == "variant"
        }
        return endpoint_of(one, running)


def _create(connection: Connection, who: Principal, ask: PutEndpoint) -> Record:
    spec = _spec(connection, who, ask.config, {})
    made = put_record(
        connection, who, NewRecord("endpoint", ask.name, spec, "Creating", tags=ask.tags)
    )
    for variant, part in spec["parts"].items():
        add_part(connection, who, ask.name, variant, part)
    return made


def _update(connection: Connection, who: Principal, ask: PutEndpoint) -> Record:
    """What serves goes on until all of its successors are ready."""
    one = record(connection, who, "endpoint", ask.name, lock=True)
    _check_settled(one)
    kept = {}
    if ask.keeps_capacity:
        kept = {v["name"]: {n: v[n] for n in ("copies", "weight")} for v in one.spec["variants"]}
    spec = _spec(connection, who, ask.config, kept)
    _check_unoccupied(connection, one, spec)
    move(connection, who, one, spec)
    return record(connection, who, "endpoint", ask.name)


def _set_capacities(connection: Connection, who: Principal, ask: SetCapacities) -> Record:
    one = record(connection, who, "endpoint", ask.name, lock=True)
    _check_settled(one)
    told = {variant["name"]: dict(variant) for variant in one.spec["variants"]}
    for capacity in ask.capacities:
        if capacity.variant not in told:
            raise InvalidRequest(f"The endpoint has no variant {capacity.variant}.")
        changes = capacity.model_dump(include={"copies", "weight"}, exclude_none=True)
        told[capacity.variant].update(changes)
    parts = {
        variant: {**part, "copies": told[variant]["copies"]}
        for variant, part in one.spec["parts"].items()
    }
    move(connection, who, one, {**one.spec, "variants": list(told.values()), "parts": parts})
    return record(connection, who, "endpoint", ask.name)


def _delete(connection: Connection, who: Principal, name: str) -> None:
    one = record(connection, who, "endpoint", name, lock=True)
    if one.status in ("Creating", "Updating"):
        raise InvalidRequest(f'Cannot update in-progress endpoint "{name}".')
    if left := [component.name for component in _components(connection, one)]:
        raise Conflict(f"Delete its inference components first: {', '.join(left)}.")
    for part in variants(connection, one).values():
        set_record(connection, who.tenant, "variant", part.name, status="Deleting")
    set_record(connection, who.tenant, "endpoint", name, status="Deleting")


def _check_settled(one: Record) -> None:
    if one.status not in ("InService", "Failed"):
        raise InvalidRequest(f'Cannot update in-progress endpoint "{one.name}".')


def _check_unoccupied(connection: Connection, one: Record, spec: Json) -> None:
    """Of the variants that an update takes away, or gives a model. Raises InvalidRequest."""
    open_to = {variant["name"] for variant in spec["variants"] if variant["model"] is None}
    left = [
        f"{component.name} (on {component.variant})"
        for component in _components(connection, one)
        if component.variant not in open_to
    ]
    if left:
        raise InvalidRequest(
            f"The configuration {spec['config']} has no place for inference components of the "
            f"endpoint: {', '.join(left)}. Delete them first, or name a configuration that has "
            "their variants, without ModelName."
        )


def _components(connection: Connection, one: Record) -> list[Record]:
    """Those that stay, of an endpoint that is locked, so that none comes to it."""
    return [
        part
        for part in within(connection, one.tenant, one.name)
        if part.kind == "inference-component" and part.status != "Deleting"
    ]


def _spec(connection: Connection, who: Principal, config: str, kept: dict[str, Json]) -> Json:
    """What a configuration makes of an endpoint, with what it needs of models."""
    configured = record(connection, who, "endpoint-config", config)
    wanted = [{**v, **kept.get(v["name"], {})} for v in configured.spec["variants"]]
    parts: dict[str, Json] = {}
    for variant in map(Variant.model_validate, wanted):
        if variant.model is None:
            continue
        model = record(connection, who, "model", variant.model)
        if model.spec["container"] is None:
            raise InvalidRequest(f"The model {variant.model} has no container to run.")
        parts[variant.name] = _part(variant, model)
    return {
        "config": config,
        "variants": wanted,
        "parts": parts,
        "asynchronous": configured.spec["asynchronous"],
        "shown": configured.spec["shown"],
    }


def _part(variant: Variant, model: Record) -> dict[str, Any]:
    return {
        "container": model.spec["container"],
        "tags": model.tags,
        "copies": variant.copies,
        "scaling": None if variant.scaling is None else variant.scaling.model_dump(),
        "patience": variant.patience,
    }
