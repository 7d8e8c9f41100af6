"""Models, and the configurations of endpoints: what is written down before anything runs."""

from sqlalchemy import Connection

from contracts.generation.hosting import (
    CreateEndpointConfig,
    CreateModel,
    EndpointConfig,
    EndpointConfigs,
    Model,
    Models,
    Query,
    Tagged,
    TagSet,
)
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict
from services.generation.repository.hosting.listing import page
from services.generation.repository.hosting.rows import (
    NewRecord,
    Record,
    RowKind,
    put_record,
    record,
    remove,
    set_tags,
)
from services.generation.service.hosting.records import config_of, model_of

_MOST_TAGS = 50


class ModelService:
    """What is deployed copies what it needs of these, so either can be deleted at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_model(self, who: Principal, ask: CreateModel) -> Model:
        spec = ask.model_dump(include={"container", "shown"})
        new = NewRecord("model", ask.name, spec, tags=ask.tags)
        return model_of(await self._database.write(put_record, who, new))

    async def model(self, who: Principal, name: str) -> Model:
        return model_of(await self._database.read(record, who, "model", name))

    async def models(self, who: Principal, ask: Query) -> Models:
        items, token = await self._database.read(page, who.tenant, "model", ask)
        return Models(items=[model_of(one) for one in items], next_token=token)

    async def delete_model(self, who: Principal, name: str) -> None:
        await self._database.write(_delete, who, "model", name)

    async def create_config(self, who: Principal, ask: CreateEndpointConfig) -> EndpointConfig:
        spec = ask.model_dump(include={"variants", "asynchronous", "shown"})
        new = NewRecord("endpoint-config", ask.name, spec, tags=ask.tags)
        return config_of(await self._database.write(_create_config, who, ask, new))

    async def config(self, who: Principal, name: str) -> EndpointConfig:
        return config_of(await self._database.read(record, who, "endpoint-config", name))

    async def configs(self, who: Principal, ask: Query) -> EndpointConfigs:
        items, token = await self._database.read(page, who.tenant, "endpoint-config", ask)
        return EndpointConfigs(items=[config_of(one) for one in items], next_token=token)

    async def delete_config(self, who: Principal, name: str) -> None:
        await self._database.write(_delete, who, "endpoint-config", name)

    async def tags(self, who: Principal, ask: Tagged) -> TagSet:
        if ask.put or ask.removed:
            return TagSet(tags=await self._database.write(_tag, who, ask))
        found = await self._database.read(record, who, ask.kind, ask.name)
        return TagSet(tags=found.tags)


def _create_config(
    connection: Connection, who: Principal, ask: CreateEndpointConfig, new: NewRecord
) -> Record:
    """A variant's model must be there by now."""
    for variant in ask.variants:
        if variant.model is not None:
            record(connection, who, "model", variant.model)
    return put_record(connection, who, new)


def _delete(connection: Connection, who: Principal, kind: RowKind, name: str) -> None:
    remove(connection, record(connection, who, kind, name, lock=True))


def _tag(connection: Connection, who: Principal, ask: Tagged) -> dict[str, str]:
    one = record(connection, who, ask.kind, ask.name, lock=True)
    tags = {**one.tags, **ask.put}
    tags = {name: value for name, value in tags.items() if name not in ask.removed}
    if len(tags) > _MOST_TAGS:
        raise Conflict(f"A resource has {_MOST_TAGS} tags at most.")
    set_tags(connection, one, tags)
    return tags
