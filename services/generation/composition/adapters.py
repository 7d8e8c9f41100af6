"""Composes the adapter registry from the settings and what surrounds the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from kit.auth.audit import AuditLog
from kit.auth.audit_chain import AuditEvent
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.database import Database
from kit.jobs.ports import Waker
from kit.objects.store import ObjectStore
from services.generation.engines.adapters.examiner import ConfinedExaminer
from services.generation.engines.adapters.hub import ClosedHub, OpenHub
from services.generation.engines.adapters.prober import MergedProber
from services.generation.ports import Engine, Fleet
from services.generation.repository.adapters.pinning import Pins
from services.generation.repository.adapters.sharing import Allowance
from services.generation.service.adapters.admitting import Admitting
from services.generation.service.adapters.auditing import Auditor, Record
from services.generation.service.adapters.fetching import Fetching
from services.generation.service.adapters.folders import Folders
from services.generation.service.adapters.lookup import Lookup
from services.generation.service.adapters.owning import Owning
from services.generation.service.adapters.registering import Registering
from services.generation.service.adapters.registry import Registry
from services.generation.service.adapters.sweeping import Sweeping
from services.generation.service.resolving import Resolving
from services.generation.settings import GenerationSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process gives the service: the stores that it shares with others."""

    database: Database
    objects: ObjectStore
    audit: AuditLog
    waker: Waker


def open_registry(
    settings: GenerationSettings,
    around: Surroundings,
    known: Catalogue,
    engines: Mapping[str, Engine],
    fleet: Fleet,
) -> Registry:
    """`engines` are asked when an adapter is tried; they may be filled in later."""
    database, folders = around.database, Folders(settings.folder / "adapters")
    lookup, auditor = Lookup(database), Auditor(_recorder(around.audit))
    allowance = Allowance(settings.adapter_quota, settings.adapter_quota_bytes)
    examiner = ConfinedExaminer()
    hub = OpenHub(settings.vllm_python) if settings.adapters_from_hub else ClosedHub()

    def largest_rank(model: ModelEntry) -> int:
        ranks = [replica.limits.rank for replica in fleet.replicas(model.id)]
        return min(ranks, default=settings.vllm_max_lora_rank)

    return Registry(
        database=database,
        catalogue=known,
        folders=folders,
        registering=Registering(
            database,
            around.waker,
            known,
            folders=folders,
            fetching=Fetching(around.objects, settings.adapter_folders, hub),
            examiner=examiner,
            lookup=lookup,
            auditor=auditor,
            allowance=allowance,
        ),
        admitting=Admitting(
            database,
            known,
            folders=folders,
            examiner=examiner,
            prober=MergedProber(
                engines, fleet, python=settings.vllm_python, scratch=folders.scratch
            ),
            largest_rank=largest_rank,
            lookup=lookup,
            auditor=auditor,
            admit_unchecked=settings.admit_unchecked_adapters,
        ),
        owning=Owning(
            database,
            known,
            lookup=lookup,
            auditor=auditor,
            allowance=allowance,
            pins=Pins(settings.adapter_pins, settings.pinned_of_base),
        ),
        sweeping=Sweeping(database, folders),
        resolving=Resolving(known, lookup, folders),
    )


def _recorder(audit: AuditLog) -> Record:
    async def record(
        who: Principal, operation: str, resource: str, outcome: str, details: dict[str, Any]
    ) -> None:
        await audit.record(
            AuditEvent(
                tenant=who.tenant,
                key=who.key,
                operation=operation,
                resource=resource,
                outcome=outcome,
                request_id=str(uuid4()),
                details=details,
            )
        )

    return record
