"""Endpoints: made of a configuration, moved to another, and taken down."""

from dataclasses import dataclass
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
    found,
    put_record,
    record,
    set_record,
    within,
)
from services.generation.service.hosting.deploying import Deploying
from services.generation.service.hosting.deployments import Deployment
from services.generation.service.hosting.reconciling import Reconciler
from services.generation.service.hosting.records import endpoint_of


class EndpointService:
    def __init__(self, database: Database, deploying: Deploying, reconciler: Reconciler) -> None:
        self._database = database
        self._deploying = deploying
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
            part.variant: self._deploying.running(Deployment(part))
            for part in parts
            if part.kind == "variant"
        }
        return endpoint_of(one, running)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a configuration makes of an endpoint, with what it needs of models."""

    endpoint: Json
    parts: dict[str, Json]


def _create(connection: Connection, who: Principal, ask: PutEndpoint) -> Record:
    wanted = _wanted(connection, who, ask.config, {})
    new = NewRecord("endpoint", ask.name, wanted.endpoint, "Creating", tags=ask.tags)
    made = put_record(connection, who, new)
    for variant, spec in wanted.parts.items():
        _add_part(connection, who, ask.name, variant, spec)
    return made


def _update(connection: Connection, who: Principal, ask: PutEndpoint) -> Record:
    """Variants that stay serve as they did until their successors are ready."""
    one = record(connection, who, "endpoint", ask.name)
    _check_settled(one)
    kept = {}
    if ask.keeps_capacity:
        kept = {v["name"]: {n: v[n] for n in ("copies", "weight")} for v in one.spec["variants"]}
    _move(connection, who, one, _wanted(connection, who, ask.config, kept))
    return record(connection, who, "endpoint", ask.name)


def _set_capacities(connection: Connection, who: Principal, ask: SetCapacities) -> Record:
    one = record(connection, who, "endpoint", ask.name)
    _check_settled(one)
    variants = {variant["name"]: dict(variant) for variant in one.spec["variants"]}
    for capacity in ask.capacities:
        if capacity.variant not in variants:
            raise InvalidRequest(f"The endpoint has no variant {capacity.variant}.")
        told = capacity.model_dump(include={"copies", "weight"}, exclude_none=True)
        variants[capacity.variant].update(told)
    parts = {}
    for part in _variants(connection, one):
        parts[part.variant] = {**part.spec, "copies": variants[part.variant]["copies"]}
    spec = {**one.spec, "variants": list(variants.values())}
    _move(connection, who, one, _Wanted(spec, parts))
    return record(connection, who, "endpoint", ask.name)


def _delete(connection: Connection, who: Principal, name: str) -> None:
    one = record(connection, who, "endpoint", name)
    if one.status in ("Creating", "Updating"):
        raise InvalidRequest(f'Cannot update in-progress endpoint "{name}".')
    parts = within(connection, who.tenant, name)
    left = [
        part.name
        for part in parts
        if part.kind == "inference-component" and part.status != "Deleting"
    ]
    if left:
        raise Conflict(f"Delete its inference components first: {', '.join(left)}.")
    for part in parts:
        if part.kind == "variant":
            set_record(connection, who.tenant, "variant", part.name, status="Deleting")
    set_record(connection, who.tenant, "endpoint", name, status="Deleting")


def _check_settled(one: Record) -> None:
    if one.status not in ("InService", "Failed"):
        raise InvalidRequest(f'Cannot update in-progress endpoint "{one.name}".')


def _wanted(connection: Connection, who: Principal, config: str, kept: dict[str, Json]) -> _Wanted:
    configured = record(connection, who, "endpoint-config", config)
    variants = [{**v, **kept.get(v["name"], {})} for v in configured.spec["variants"]]
    parts, images = {}, {}
    for stored in variants:
        variant = Variant.model_validate(stored)
        if variant.model is None:
            continue
        model = record(connection, who, "model", variant.model)
        if model.spec["container"] is None:
            raise InvalidRequest(f"The model {variant.model} has no container to run.")
        images[variant.name] = model.spec["container"]["image"]
        parts[variant.name] = _part(variant, model)
    asynchronous, shown = configured.spec["asynchronous"], configured.spec["shown"]
    spec = {"config": config, "variants": variants, "images": images, "shown": shown}
    return _Wanted({**spec, "asynchronous": asynchronous}, parts)


def _part(variant: Variant, model: Record) -> dict[str, Any]:
    return {
        "container": model.spec["container"],
        "tags": model.tags,
        "copies": variant.copies,
        "scaling": None if variant.scaling is None else variant.scaling.model_dump(),
        "patience": variant.patience,
    }


def _move(connection: Connection, who: Principal, one: Record, wanted: _Wanted) -> None:
    standing = {part.variant: part for part in _variants(connection, one)}
    for variant, spec in wanted.parts.items():
        part = standing.pop(variant, None)
        if part is None:
            _add_part(connection, who, one.name, variant, spec)
        elif part.spec != spec or part.status == "Failed":
            status = "Updating" if part.state.get("serving") else "Creating"
            set_record(
                connection,
                who.tenant,
                "variant",
                part.name,
                spec=spec,
                status=status,
                reason="",
                state=_without_next(part),
            )
    for part in standing.values():
        set_record(connection, who.tenant, "variant", part.name, status="Deleting")
    values = {"spec": wanted.endpoint, "status": "Updating", "reason": ""}
    set_record(connection, who.tenant, "endpoint", one.name, **values)


def _without_next(part: Record) -> Json:
    return {name: value for name, value in part.state.items() if name != "next"}


def _variants(connection: Connection, one: Record) -> list[Record]:
    parts = within(connection, one.tenant, one.name)
    return [part for part in parts if part.kind == "variant" and part.status != "Deleting"]


def _add_part(
    connection: Connection, who: Principal, endpoint: str, variant: str, spec: Json
) -> None:
    name = f"{endpoint}/{variant}"
    if found(connection, who.tenant, "variant", name) is not None:
        raise InvalidRequest(f"The variant {variant} is still being taken down; try again.")
    put_record(
        connection,
        who,
        NewRecord("variant", name, spec, "Creating", endpoint=endpoint, variant=variant),
    )
