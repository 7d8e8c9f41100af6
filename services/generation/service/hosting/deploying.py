"""Brings deployments where their rows want them; every step may be done again."""

import logging
from dataclasses import replace

from contracts.generation.adapters import AddAdapter, ObjectSource, RegisterArchive
from contracts.generation.hosting import Container
from kit.database import Database
from kit.errors import Conflict, Internal, NotReady, PlatformError
from services.generation.ports import AdapterShelf
from services.generation.repository.hosting.rows import note, remove
from services.generation.service.hosting.demands import Demands
from services.generation.service.hosting.deployments import (
    SEEN,
    Deployment,
    Plan,
    settled,
    unplanned,
)
from services.generation.service.hosting.planning import Planning

_log = logging.getLogger(__name__)


class Deploying:
    """What it demands of the fleet stays until no row wants it: others let go of it."""

    def __init__(
        self,
        database: Database,
        demands: Demands,
        shelf: AdapterShelf,
        planning: Planning,
        seen: float = SEEN,
    ) -> None:
        """`seen`: seconds for which what is replaced is kept, for those who do not know yet."""
        self._database = database
        self._demands = demands
        self._shelf = shelf
        self._planning = planning
        self._seen = seen

    async def step(self, one: Deployment, now: float) -> bool:
        """Of a row that is on its way; `now` by the database's clock.

        Returns False after a trouble that may pass: better try again a while later.
        """
        if one.row.status == "Deleting":
            await self._take_down(one)
            return True
        late = now > one.row.updated_at + one.row.spec["patience"]
        try:
            is_up = await self._tried(one, now)
        except PlatformError as error:
            if error.retryable and not late:
                return isinstance(error, NotReady)
            await self._fail(one, error.message)
            return True
        if late and not is_up:
            seconds = one.row.spec["patience"]
            await self._fail(one, f"It was not ready after {seconds:.0f} seconds.")
        return True

    async def watch(self, one: Deployment) -> bool:
        """Of a row at rest: demands what a restart forgot, and follows its pool's failures.

        Returns whether its status has changed.
        """
        if one.serving is None or one.serving.adapter:
            return False
        try:
            await self._demands.demand(one, one.serving)
        except PlatformError as error:
            return not error.retryable and await self._told(one, "Failed", error.message)
        state = self._demands.state(one.serving)
        if state.status == "failed":
            return await self._told(one, "Failed", state.reason)
        return state.status == "ready" and await self._told(one, "InService", "")

    async def _tried(self, one: Deployment, now: float) -> bool:
        """Whether it is where its row wants it. Raises nothing but PlatformError."""
        try:
            return await (self._leave(one, now) if one.left else self._bring_up(one, now))
        except PlatformError:
            raise
        except Exception as error:
            _log.exception("%s %s broke", one.row.kind, one.row.name)
            raise Internal("It broke off by an error of the platform; the log says why.") from error

    async def _told(self, one: Deployment, status: str, reason: str) -> bool:
        """A status that stays keeps the reason that it came with."""
        return one.row.status != status and await self._set(one, status=status, reason=reason)

    async def _bring_up(self, one: Deployment, now: float) -> bool:
        """Whether what it wants serves now, or somebody wants something else by now."""
        plan = one.next
        if plan is None:
            plan = await self._planning.plan(one)
            if not await self._set(one, state={**one.row.state, "next": plan.stored()}):
                return True
        await self._demands.demand(one, plan)
        if plan.digests is None:
            plan = replace(plan, digests=await self._register(one, plan))
            if not await self._set(one, state={**one.row.state, "next": plan.stored()}):
                return True
        if not (self._demands.is_up(plan) and await self._are_admitted(one, plan)):
            return False
        state = settled(plan, one.row.spec)
        if one.serving is not None and one.serving.model != plan.model:
            await self._set(one, state={**state, "left": one.serving.stored(), "left_at": now})
        else:
            await self._set(one, status="InService", reason="", state=state)
        return True

    async def _leave(self, one: Deployment, now: float) -> bool:
        """What was replaced; its copies are let go of by all processes before the next update."""
        if now >= one.row.state["left_at"] + self._seen:
            state = unplanned(one.row.state)
            await self._set(one, status="InService", reason="", state=state)
        return True

    async def _register(self, one: Deployment, plan: Plan) -> tuple[str, ...]:
        """Adapters of the archive, and of an adapter component."""
        source = ObjectSource(uri=_artifact(one)) if plan.adapter or plan.folders else None
        if source is None:
            return ()
        if plan.adapter:
            added = await self._shelf.add(
                one.row.owner,
                AddAdapter(
                    source=source, base=plan.model, name=plan.adapter, component=plan.namespace
                ),
            )
            return (added.digest,)
        made = await self._shelf.register_archive(
            one.row.owner,
            RegisterArchive(source=source, base=plan.model, component=plan.namespace),
        )
        return tuple(sorted({adapter.digest for adapter in made.adapters.values()}))

    async def _are_admitted(self, one: Deployment, plan: Plan) -> bool:
        """Raises Conflict with the reasons of an adapter that was refused."""
        ready = True
        for digest in plan.digests or ():
            adapter = await self._shelf.get(one.row.owner, digest)
            if adapter.state == "refused":
                raise Conflict(f"An adapter was refused: {'; '.join(adapter.reasons)}")
            ready = ready and adapter.state == "ready"
        return ready

    async def _fail(self, one: Deployment, reason: str) -> None:
        """A first start fails; an update goes back to what served before, and says why."""
        if one.serving is None:
            await self._set(one, status="Failed", reason=reason, state={})
            return
        state = settled(one.serving, one.served)
        await self._set(one, status="InService", reason=reason, state=state, spec=one.served)

    async def _take_down(self, one: Deployment) -> None:
        await self._shelf.release_component(one.row.owner, one.namespace)
        await self._database.write(remove, one.row)

    async def _set(self, one: Deployment, **values: object) -> bool:
        return await self._database.write(note, one.row, **values)


def _artifact(one: Deployment) -> str:
    deployed = one.row.spec.get("deployed")
    if deployed is not None and deployed["base"]:
        return str(deployed["container"]["artifact"])
    return Container.model_validate(one.row.spec["container"]).artifact
