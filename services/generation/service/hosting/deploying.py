"""Brings deployments where their rows want them; every step may be done again."""

from dataclasses import replace

from contracts.generation.adapters import AddAdapter, ObjectSource, RegisterArchive
from contracts.generation.hosting import Container
from kit.catalogue import Catalogue
from kit.database import Database
from kit.errors import Conflict, PlatformError
from services.generation.ports import AdapterShelf, Fleet, PoolState
from services.generation.repository.hosting.rows import found, note, remove
from services.generation.service.hosting.deployments import Deployment, Plan
from services.generation.service.hosting.planning import Planning

_READY = PoolState("ready", 1, 1)


class Deploying:
    """Holds, in memory, what it has demanded of the fleet: a restart demands it again."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        fleet: Fleet,
        shelf: AdapterShelf,
        planning: Planning,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._fleet = fleet
        self._shelf = shelf
        self._planning = planning
        self._demanded: dict[tuple[str, str], tuple[int, int | None]] = {}

    def running(self, one: Deployment) -> int:
        """Copies that answer now, of those that it wants."""
        if one.serving is None or not self._catalogue.serves(one.serving.model):
            return 0
        return min(one.serving.copies, self._state(one.serving).ready)

    async def step(self, one: Deployment, now: float) -> None:
        """Of a row that is on its way; `now` by the database's clock."""
        if one.row.status == "Deleting":
            await self._take_down(one)
            return
        try:
            await self._bring_up(one)
            late = now > one.row.updated_at + one.row.spec["patience"]
        except PlatformError as error:
            late = now > one.row.updated_at + one.row.spec["patience"]
            if not error.retryable or late:
                await self._fail(one, error.message)
            return
        if late:
            await self._fail_if_unsettled(one)

    async def keep(self, one: Deployment) -> bool:
        """Of a row at rest: demands what a restart forgot, and follows its pool's failures.

        Returns whether its status has changed.
        """
        if one.serving is None:
            return False
        try:
            if not self._is_fleets(one.serving):
                return False
            await self._demand(one, one.serving)
        except PlatformError as error:
            return not error.retryable and await self._told(one, "Failed", error.message)
        state = self._state(one.serving)
        if state.status == "failed":
            return await self._told(one, "Failed", state.reason)
        return state.status == "ready" and await self._told(one, "InService", "")

    async def _told(self, one: Deployment, status: str, reason: str) -> bool:
        """A status that stays keeps the reason that it came with."""
        return one.row.status != status and await self._set(one, status=status, reason=reason)

    async def _bring_up(self, one: Deployment) -> None:
        plan = one.next
        if plan is None:
            plan = await self._planning.plan(one)
            if not await self._set(one, state={**one.row.state, "next": plan.stored()}):
                return  # somebody wants something else by now, and would not release these copies
        await self._demand(one, plan)
        if plan.digests is None:
            plan = replace(plan, digests=await self._register(one, plan))
            await self._set(one, state={**one.row.state, "next": plan.stored()})
        if self._is_up(plan) and await self._are_admitted(one, plan):
            await self._settle(one, plan)

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

    async def _settle(self, one: Deployment, plan: Plan) -> None:
        state = {"serving": plan.stored()}
        if await self._set(one, status="InService", reason="", state=state):
            await self._let_go(one, one.serving, but=plan)

    async def _fail(self, one: Deployment, reason: str) -> None:
        """A first start fails; an update goes back to what served before, and says why."""
        row = await self._database.read(found, one.row.tenant, one.row.kind, one.row.name)
        if row is None or row.revision != one.row.revision:
            return  # somebody wants something else by now
        one = Deployment(row)
        if one.serving is None:
            if await self._set(one, status="Failed", reason=reason, state={}):
                await self._let_go(one, one.next)
            return
        spec = {**one.row.spec, "copies": one.serving.copies}
        state = {"serving": one.serving.stored()}
        if await self._set(one, status="InService", reason=reason, state=state, spec=spec):
            await self._let_go(one, one.next, but=one.serving)
            await self._demand(one, one.serving)

    async def _fail_if_unsettled(self, one: Deployment) -> None:
        plan = one.next
        if plan is not None and self._is_up(plan) and await self._are_admitted(one, plan):
            return
        seconds = one.row.spec["patience"]
        await self._fail(one, f"It was not ready after {seconds:.0f} seconds.")

    async def _take_down(self, one: Deployment) -> None:
        await self._let_go(one, one.serving)
        await self._let_go(one, one.next)
        await self._shelf.release_component(one.row.owner, one.namespace)
        await self._database.write(remove, one.row.tenant, one.row.kind, one.row.name)

    async def _demand(self, one: Deployment, plan: Plan) -> None:
        place = (plan.model, one.holder)
        most = max(plan.copies, one.scaling.most) if one.scaling is not None else None
        if not self._is_fleets(plan) or self._demanded.get(place) == (plan.copies, most):
            return
        self._catalogue.find(plan.model)  # raises NotFound for weights that are here no more
        await self._fleet.demand(plan.model, one.holder, plan.copies, at_most=most)
        self._demanded[place] = (plan.copies, most)

    async def _let_go(self, one: Deployment, plan: Plan | None, but: Plan | None = None) -> None:
        if plan is None or not self._is_fleets(plan) or (but and but.model == plan.model):
            return
        await self._fleet.release(plan.model, one.holder)
        self._demanded.pop((plan.model, one.holder), None)

    def _is_up(self, plan: Plan) -> bool:
        """Raises Conflict with the reason of a pool that cannot start."""
        state = self._state(plan)
        if state.status == "failed":
            raise Conflict(state.reason or f"The copies of {plan.model} do not start.")
        return plan.copies == 0 or (state.status == "ready" and state.ready >= plan.copies)

    def _state(self, plan: Plan) -> PoolState:
        if self._is_fleets(plan):
            return self._fleet.state(plan.model)
        return replace(_READY, ready=plan.copies, wanted=plan.copies)

    def _is_fleets(self, plan: Plan) -> bool:
        """Other engines have no copies to start, and an adapter runs on those of its base."""
        if plan.adapter or not self._catalogue.serves(plan.model):
            return not plan.adapter
        return self._catalogue.find(plan.model).engine == "vllm"

    async def _set(self, one: Deployment, **values: object) -> bool:
        return await self._database.write(note, one.row, **values)


def _artifact(one: Deployment) -> str:
    deployed = one.row.spec.get("deployed")
    if deployed is not None and deployed["base"]:
        return str(deployed["container"]["artifact"])
    return Container.model_validate(one.row.spec["container"]).artifact
