"""The steps of an admission: compared with the base, tried on the engine, then ready or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from contracts.generation.adapters import AdmitAdapter, Admitted, Check
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.database import Database
from kit.errors import NotFound, NotReady
from kit.jobs.fence import fence
from services.generation.ports import AdapterRef, Examiner, Prober
from services.generation.repository.adapters import holding, names, rows
from services.generation.repository.adapters.rows import AdapterRow
from services.generation.service.adapters.auditing import Auditor
from services.generation.service.adapters.folders import Folders
from services.generation.service.adapters.lookup import Lookup

STOPPED = "the checks were stopped before their end; register it again"
BROKEN = "each time that the base model's server was tried with it, the server broke off"
_UNTIL_SERVED = 30.0
"""Seconds between looks for a base that only a new start of the platform brings back."""


class Admitting:
    """Asked by the job; each step can be done again, and only the job's own attempt writes."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        *,
        folders: Folders,
        examiner: Examiner,
        prober: Prober,
        largest_rank: Callable[[ModelEntry], int | None],
        lookup: Lookup,
        auditor: Auditor,
        admit_unchecked: bool,
    ) -> None:
        """`admit_unchecked`: whether a check that could not be made lets an adapter pass."""
        self._database, self._catalogue = database, catalogue
        self._folders, self._examiner, self._prober = folders, examiner, prober
        self._largest_rank, self._lookup, self._auditor = largest_rank, lookup, auditor
        self._admit_unchecked = admit_unchecked

    async def step(self, who: Principal, ask: AdmitAdapter) -> Admitted:
        """Raises NotFound where the adapter is deleted meanwhile, JobLost where the attempt is.

        And NotReady while the base is not served, or is starting, which the adapter is to be tried
        on; its owner sees in `reasons` what it waits for. Interrupted where the base's server went
        away under it: who asks counts, and asks for the step "broken" after some times.
        """
        try:
            return await self._step(who, ask)
        except _Settled as settled:
            return Admitted(state=settled.state)

    async def _step(self, who: Principal, ask: AdmitAdapter) -> Admitted:
        row = await self._database.read(rows.get, who.tenant, ask.digest)
        _check_waits(row, ask)
        if ask.step == "stopped":
            return await self._refuse(who, ask, [], [STOPPED])
        if ask.step == "broken":
            checks = _with(row, Check(name="parity", outcome="failed", detail=BROKEN))
            return await self._refuse(who, ask, checks, self._against(checks))
        work = self._compare if ask.step == "weights" else self._try
        try:
            return await work(who, ask, row)
        except NotReady as error:
            waits_for = [error.message]
            await self._database.write(lambda c: _change(c, who, ask, reasons=waits_for))
            raise

    async def _compare(self, who: Principal, ask: AdmitAdapter, row: AdapterRow) -> Admitted:
        if known := await self._database.read(rows.passed, row.digest, row.base):
            return await self._admit(who, ask, row.base, [Check.model_validate(c) for c in known])
        base = self._base(row)
        files = AdapterRef(row.digest, self._folders.path(row.digest), row.rank)
        checks = await self._examiner.examine(files, _here(base), self._largest_rank(base))
        if reasons := self._against(checks):
            return await self._refuse(who, ask, checks, reasons)

        def passed(connection: Connection) -> None:
            dumped = [check.model_dump() for check in checks]
            _change(connection, who, ask, checks=dumped, reasons=[])
            holding.hold(
                connection, row.digest, row.size, lambda: self._folders.promote(row.digest)
            )

        await self._database.write(passed)
        return Admitted(state="checking")

    async def _try(self, who: Principal, ask: AdmitAdapter, row: AdapterRow) -> Admitted:
        base = self._base(row)
        files = self._folders.ref(row.digest, row.rank)
        probed = await self._prober.probe(who.tenant, base, files)
        checks = _with(row, probed)
        if reasons := self._against(checks):
            return await self._refuse(who, ask, checks, reasons)
        return await self._admit(who, ask, row.base, checks)

    async def _admit(
        self, who: Principal, ask: AdmitAdapter, base: str, checks: list[Check]
    ) -> Admitted:
        def admit(connection: Connection) -> None:
            dumped = [check.model_dump() for check in checks]
            before = _change(
                connection, who, ask, state="ready", checks=dumped, reasons=[], wanted=[]
            )
            for component, name in before.wanted:
                names.move(
                    connection, who.tenant, component, name,
                    owner=who.tenant, digest=ask.digest, key=who.key,
                )  # fmt: skip

        await self._database.write(admit)
        self._lookup.forget()
        await self._auditor.admitted(who, ask.digest, base)
        return Admitted(state="ready")

    def _base(self, row: AdapterRow) -> ModelEntry:
        """Raises NotReady where it is missing: whoever started us may have left it out for now."""
        try:
            return self._catalogue.find(row.base, kind="text")
        except NotFound as error:
            raise NotReady(
                f"The base model {row.base} is not served here; the checks wait until it is.",
                retry_after=_UNTIL_SERVED,
            ) from error

    def _against(self, checks: list[Check]) -> list[str]:
        refusing = ("failed",) if self._admit_unchecked else ("failed", "skipped")
        return [f"{c.name}: {c.detail}" for c in checks if c.outcome in refusing]

    async def _refuse(
        self, who: Principal, ask: AdmitAdapter, checks: list[Check], reasons: list[str]
    ) -> Admitted:
        def refuse(connection: Connection) -> None:
            dumped = [check.model_dump() for check in checks]
            _change(connection, who, ask, state="refused", checks=dumped, reasons=reasons)
            holding.condemn(connection, ask.digest)

        await self._database.write(refuse)
        self._lookup.forget()
        await self._auditor.refused(who, ask.digest, reasons)
        return Admitted(state="refused")


class _Settled(Exception):
    """The adapter waits for no check any more."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


def _change(connection: Connection, who: Principal, ask: AdmitAdapter, **values: Any) -> AdapterRow:
    """Under the fence of the attempt, and only while the row still waits for it; as it was."""
    fence(connection, ask.job, ask.epoch)
    before = rows.get(connection, who.tenant, ask.digest, lock=True)
    _check_waits(before, ask)
    rows.change(connection, who.tenant, ask.digest, **values)
    return before


def _check_waits(row: AdapterRow, ask: AdmitAdapter) -> None:
    """Raises NotFound for what was registered anew, perhaps for another base, and _Settled."""
    if row.job != ask.job:
        raise rows.absent(ask.digest)
    if row.state != "checking":
        raise _Settled(row.state)


def _with(row: AdapterRow, parity: Check) -> list[Check]:
    earlier = [Check.model_validate(check) for check in row.checks if check["name"] != "parity"]
    return [*earlier, parity]


def _here(base: ModelEntry) -> Path | None:
    return base.folder if base.folder is not None and base.folder.is_dir() else None
