"""Takes adapters in: fetched, unpacked, named by their digest, and handed to a job to check."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from contracts.contract import Nothing
from contracts.generation import adapters as a
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from kit.jobs.accept import accept_job
from kit.jobs.ports import Waker
from services.generation.ports import Examiner, Unpacked
from services.generation.repository.adapters import holding, names, rows, sharing
from services.generation.repository.adapters.sharing import Allowance
from services.generation.service.adapters.auditing import Auditor
from services.generation.service.adapters.fetching import Fetching, told
from services.generation.service.adapters.folders import Folders
from services.generation.service.adapters.lookup import Lookup
from services.generation.service.adapters.shown import shown


@dataclass(frozen=True, slots=True)
class _Taking:
    """One adapter on its way in, and the name that it shall have."""

    found: Unpacked
    name: str | None
    component: str


class Registering:
    """The rows, the names and the jobs of one source are made in one transaction, or none are."""

    def __init__(
        self,
        database: Database,
        waker: Waker,
        catalogue: Catalogue,
        *,
        folders: Folders,
        fetching: Fetching,
        examiner: Examiner,
        lookup: Lookup,
        auditor: Auditor,
        allowance: Allowance,
    ) -> None:
        """`allowance` is that of tenants without a quota of their own."""
        self._database, self._waker, self._catalogue = database, waker, catalogue
        self._folders, self._fetching, self._examiner = folders, fetching, examiner
        self._lookup, self._auditor, self._allowance = lookup, auditor, allowance
        self._turns = defaultdict[str, asyncio.Lock](asyncio.Lock)

    async def check(self, who: Principal, ask: a.Upload) -> Nothing:
        """Raises for a base, a name or a quota that no bytes could make good."""
        self._base(ask.base)
        self._check_name(ask.name, "")
        await self._database.read(sharing.check_room, who.tenant, self._allowance)
        return Nothing()

    async def add(self, who: Principal, ask: a.AddAdapter) -> a.Adapter:
        """Registers the one adapter of a source, or the one that `member` names."""
        base = self._base(ask.base)
        self._check_name(ask.name, ask.component)

        def choose(found: Sequence[Unpacked]) -> list[_Taking]:
            chosen = [one for one in found if ask.member in (None, one.name)]
            if len(chosen) != 1:
                raise InvalidRequest(
                    "The source holds these adapters: "
                    f"{', '.join(one.name for one in found)}. Give one of them as `member`.",
                    param="member",
                )
            return [_Taking(chosen[0], ask.name, ask.component)]

        async with self._folders.incoming() as into:
            taken = choose(await self._unpack(who, ask.source, into))
            made = await self._register(who, base, ask.source, taken)
        return made[0]

    async def register(self, who: Principal, ask: a.RegisterArchive) -> a.RegisteredArchive:
        """Registers every adapter of a source under the name of its folder."""
        base = self._base(ask.base)
        async with self._folders.incoming() as into:
            found = await self._unpack(who, ask.source, into)
            for one in found:
                self._check_name(one.name, ask.component)
            taken = [_Taking(one, one.name, ask.component) for one in found]
            made = await self._register(who, base, ask.source, taken)
        return a.RegisteredArchive(
            adapters={one.found.name: adapter for one, adapter in zip(taken, made, strict=True)}
        )

    def _base(self, name: str) -> ModelEntry:
        base = self._catalogue.find(name, kind="text")
        if base.engine != "vllm":
            raise InvalidRequest(
                f"The model {base.id} takes no adapters: its engine is {base.engine}. Start one "
                "that does with `undercroft up --model NAME=FOLDER`.",
                param="base",
            )
        return base

    def _check_name(self, name: str | None, component: str) -> None:
        if name and not component and self._catalogue.knows(name, kind="text"):
            raise Conflict(f"{name} is the name of a base model; choose another.", param="name")

    async def _unpack(self, who: Principal, source: a.Source, into: Path) -> list[Unpacked]:
        archive = await self._fetching.fetch(who, source, into)
        async with self._turns[who.tenant]:  # else one of many archives would keep the others out
            found = await self._examiner.unpack(into / "files", archive)
        for one in found:
            await asyncio.to_thread(self._folders.keep, one.folder)
        return found

    async def _register(
        self, who: Principal, base: ModelEntry, source: a.Source, taken: Sequence[_Taking]
    ) -> list[a.Adapter]:
        where = told(source)

        def insert(connection: Connection) -> list[a.Adapter]:
            sharing.hold_quota(connection, who.tenant)
            for one in taken:
                self._insert(connection, who, base, where, one)
            sharing.check_quota(connection, who.tenant, self._allowance)
            known = names.by_adapter(connection, who.tenant)
            return [
                shown(rows.get(connection, who.tenant, one.found.digest), who.tenant, known)
                for one in taken
            ]

        made = await self._database.write(insert)
        self._lookup.forget()
        await self._waker.wake()
        for adapter in made:
            await self._auditor.registered(who, adapter.digest, base.id, where)
        return made

    def _insert(
        self, connection: Connection, who: Principal, base: ModelEntry, where: str, one: _Taking
    ) -> None:
        """What is registered already keeps its row; a name that it has not moves to it."""
        digest = one.found.digest
        before = rows.find(connection, who.tenant, digest, lock=True)
        wanted = [(one.component, one.name)] if one.name else []
        if before is None or before.state == "refused":
            self._insert_new(connection, who, base, where, one, wanted)
        elif before.base != base.id:
            raise Conflict(
                f"The adapter sha256:{digest} is registered for {before.base}; delete it before "
                f"you register it for {base.id}.",
                param="base",
            )
        elif before.state == "checking":
            both = [*map(tuple, before.wanted), *wanted]
            rows.change(
                connection, who.tenant, digest, wanted=[list(p) for p in dict.fromkeys(both)]
            )
        ready = before is not None and before.state == "ready"
        for component, name in wanted:
            if ready or not names.exists(connection, who.tenant, component, name):
                names.move(
                    connection, who.tenant, component, name,
                    owner=who.tenant, digest=digest, key=who.key,
                )  # fmt: skip

    def _insert_new(
        self,
        connection: Connection,
        who: Principal,
        base: ModelEntry,
        where: str,
        one: _Taking,
        wanted: Sequence[tuple[str, str]],
    ) -> None:
        found = one.found
        ask = {"digest": found.digest, "account": who.account, "key": who.key}
        job = accept_job(connection, tenant=who.tenant, kind=a.ADMISSION, input=ask)
        holding.hold(
            connection,
            found.digest,
            found.size,
            lambda: self._folders.place(found.folder, found.digest),
        )
        rows.insert_checking(
            connection,
            who.tenant,
            rows.Weights(found.digest, found.rank, found.size),
            base=base.id,
            source=where,
            wanted=wanted,
            job=job.id,
        )
