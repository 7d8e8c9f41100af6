"""What a tenant can know of itself and of the platform."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request

from contracts.contract import Contract
from contracts.generation.models import ModelCard
from gateway.cards import model_cards
from gateway.rest.caller import Caller, Platform
from kit.auth.audit_trail import last_entries
from kit.auth.budgets import BILLION

router = APIRouter(tags=["account"])


class Identity(Contract):
    """`account` stands in the ARNs of this tenant's resources."""

    tenant: str
    account: str
    key: str


class UsageOfDay(Contract):
    """`adapter` is a digest; `cost` is in the platform's currency, by the models' prices."""

    day: date
    operation: str
    model: str
    adapter: str
    requests: int
    tokens_in: int
    tokens_out: int
    cost: float


class Usage(Contract):
    items: list[UsageOfDay]


class AuditEntry(Contract):
    """`time` in UNIX seconds; `outcome` is `ok` or an error's code; entries count from `seq` 1."""

    seq: int
    time: float
    key: str
    operation: str
    resource: str
    outcome: str
    request_id: str
    details: dict[str, Any]


class AuditTrail(Contract):
    items: list[AuditEntry]


class Covered(Contract):
    service: str
    operation: str
    status: str
    missing: str


@router.get("/whoami")
async def whoami(who: Caller) -> Identity:
    return Identity(tenant=who.tenant, account=who.account, key=who.key)


@router.get("/usage")
async def usage(
    who: Caller,
    platform: Platform,
    start: Annotated[date | None, Query()] = None,
    end: Annotated[date | None, Query()] = None,
) -> Usage:
    """By UTC day, operation, model and adapter; today's where no days are given."""
    today = datetime.now(UTC).date()
    found = await platform.metering.totals(who, start or today, end or today)
    return Usage(
        items=[
            UsageOfDay(
                day=one.day,
                operation=one.operation,
                model=one.model,
                adapter=one.adapter,
                requests=one.requests,
                tokens_in=one.tokens_in,
                tokens_out=one.tokens_out,
                cost=one.cost / BILLION,
            )
            for one in found
        ]
    )


@router.get("/audit")
async def audit(
    who: Caller,
    platform: Platform,
    operation: Annotated[str, Query(max_length=200)] = "",
    last: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditTrail:
    """The last entries of this tenant's audit log, oldest first.

    `operation` keeps those that have it in their name.
    """
    found = await platform.database.read(last_entries, who.tenant, operation, last)
    return AuditTrail(
        items=[AuditEntry(**{**asdict(one), "details": orjson.loads(one.details)}) for one in found]
    )


@router.get("/models")
async def list_models(who: Caller, platform: Platform) -> list[ModelCard]:
    """Models of text and of embeddings, and this tenant's adapters, each with all its names."""
    return await model_cards(platform, who)


@router.get("/compatibility")
async def compatibility(_: Caller, request: Request) -> list[Covered]:
    """Each operation of the AWS services that are served: real, partial or absent."""
    return [Covered(**row) for row in request.app.state.coverage()]
