"""What the deployments' rows ask of this process's fleet: demanded, and let go of again."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from kit.catalogue import Catalogue
from kit.errors import Conflict, PlatformError
from services.generation.ports import Fleet, PoolState
from services.generation.service.hosting.deployments import Deployment, Plan

_log = logging.getLogger(__name__)
_READY = PoolState("ready", 1, 1)
_Place = tuple[str, str]
"""A model, and who holds copies of it."""


class Demands:
    """In memory, as the fleet is: a restart demands again what the rows say."""

    def __init__(self, catalogue: Catalogue, fleet: Fleet) -> None:
        self._catalogue = catalogue
        self._fleet = fleet
        self._demanded: dict[_Place, tuple[int, int | None]] = {}
        self._touched: set[_Place] = set()
        self._refused: dict[_Place, str] = {}

    def looking(self) -> None:
        """Before the rows are read: what is demanded from now on may not stand in them yet."""
        self._touched.clear()

    async def follow(self, one: Deployment) -> None:
        """Demands what the row wants; why it cannot be had is logged once, for others to tell."""
        for place, plan in self._wanted(one).items():
            try:
                await self.demand(one, plan)
            except PlatformError as error:
                if self._refused.get(place) != error.message:
                    _log.warning("%s has no copies here: %s", one.row.name, error.message)
                self._refused[place] = error.message
            else:
                self._refused.pop(place, None)

    async def demand(self, one: Deployment, plan: Plan) -> None:
        """Raises NotFound for weights that are here no more, Conflict for what does not fit."""
        if not self._is_fleets(plan):
            return
        place = (plan.model, one.holder)
        self._touched.add(place)
        serving = one.serving
        is_same = serving is not None and serving.model == plan.model
        copies = max(plan.copies, serving.copies) if serving and is_same else plan.copies
        most = max(copies, one.scaling.most) if one.scaling is not None else None
        if self._demanded.get(place) == (copies, most):
            return
        self._catalogue.find(plan.model)
        await self._fleet.demand(plan.model, one.holder, copies, at_most=most)
        self._demanded[place] = (copies, most)

    async def release_others(self, rows: Iterable[Deployment]) -> None:
        """Of what was demanded before the rows were read, all that none of them wants."""
        wanted = {place for one in rows for place in self._wanted(one)}
        self._refused = {place: why for place, why in self._refused.items() if place in wanted}
        for place in [*self._demanded]:
            if place not in wanted and place not in self._touched:
                await self._fleet.release(*place)
                self._demanded.pop(place, None)

    def running(self, one: Deployment) -> int:
        """Copies that answer here now, of those that it wants."""
        if one.serving is None or not self._catalogue.serves(one.serving.model):
            return 0
        return min(one.serving.copies, self.state(one.serving).ready)

    def is_up(self, plan: Plan) -> bool:
        """Raises Conflict with the reason of a pool that cannot start."""
        state = self.state(plan)
        if state.status == "failed":
            raise Conflict(state.reason or f"The copies of {plan.model} do not start.")
        return plan.copies == 0 or (state.status == "ready" and state.ready >= plan.copies)

    def state(self, plan: Plan) -> PoolState:
        if self._is_fleets(plan):
            return self._fleet.state(plan.model)
        return replace(_READY, ready=plan.copies, wanted=plan.copies)

    def _wanted(self, one: Deployment) -> dict[_Place, Plan]:
        """What served, what serves, and what is to; of one model, the latter."""
        if one.row.status == "Deleting":
            return {}
        plans = [plan for plan in (one.left, one.serving, one.next) if plan is not None]
        return {(plan.model, one.holder): plan for plan in plans if self._is_fleets(plan)}

    def _is_fleets(self, plan: Plan) -> bool:
        """Other engines have no copies to start, and an adapter runs on those of its base."""
        if plan.adapter or not self._catalogue.serves(plan.model):
            return not plan.adapter
        return self._catalogue.find(plan.model).engine == "vllm"
