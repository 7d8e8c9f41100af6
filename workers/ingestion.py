"""The jobs of knowledge bases: ingestions and removals, step by step through the search service."""

import asyncio
from typing import Any

from contracts.search.client import SearchClient
from contracts.search.ingestion import (
    Fence,
    FinishIngestion,
    PlanIngestion,
    PlannedStep,
    RemoveResources,
    RunStep,
)
from kit.auth.principal import Principal
from kit.errors import Conflict, PlatformError, Unavailable
from kit.jobs.ports import JobCancelled, JobContext, JobLost, JsonObject

_AT_ONCE = 4  # documents under way: one waits for its parser while another is embedded
_TRIES = 3


class Ingestion:
    """Plans, runs the steps a few at a time, and ends what it began, also when it is stopped."""

    def __init__(self, search: SearchClient) -> None:
        self._search = search

    async def run(self, context: JobContext) -> JsonObject:
        who, scope = _principal(context), _scope(context)
        try:
            plan = await self._search.plan(
                who,
                PlanIngestion(
                    **scope,
                    documents=context.input.get("documents"),
                    delete=bool(context.input.get("delete")),
                ),
            )
            await self._steps(context, who, scope, plan.steps)
        except JobCancelled:
            await self._search.finish(who, FinishIngestion(**scope, stopped=True))
            raise
        except JobLost:
            raise
        except PlatformError as error:
            if not error.retryable:
                await self._search.finish(who, FinishIngestion(**scope, failure=error.message))
            raise
        statistics = await self._search.finish(who, FinishIngestion(**scope))
        return statistics.model_dump()

    async def _steps(
        self,
        context: JobContext,
        who: Principal,
        scope: dict[str, Any],
        steps: list[PlannedStep],
    ) -> None:
        done, waiting = 0, iter(steps)
        await context.progress(0, len(steps))

        async def work() -> None:
            nonlocal done
            for step in waiting:
                await self._step(context, who, RunStep(**scope, step=step))
                done += 1
                await context.progress(done, len(steps), step.document)

        tasks = [asyncio.create_task(work()) for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _step(self, context: JobContext, who: Principal, ask: RunStep) -> None:
        """A document that another job changed meanwhile is looked at again."""
        for _ in range(_TRIES):
            try:
                await self._search.run_step(who, ask)
            except Conflict:
                await context.save(context.checkpoint)  # raises when it was our claim that ended
                continue
            return
        raise Unavailable(f"{ask.step.document} is being changed by others.", retry_after=1)


class Removal:
    """Takes a deleted knowledge base or data source out of the tables and the index."""

    def __init__(self, search: SearchClient) -> None:
        self._search = search

    async def run(self, context: JobContext) -> JsonObject:
        ask = RemoveResources(
            knowledge_base=context.input["knowledge_base"],
            data_source=context.input.get("data_source"),
            fence=Fence(job=context.id, epoch=context.epoch),
        )
        await self._search.remove(_principal(context), ask)
        return {}


def _principal(context: JobContext) -> Principal:
    """The one who asked for the job; its tenant is the row's, whatever the input says."""
    return Principal(context.tenant, context.input["account"], context.input["key"])


def _scope(context: JobContext) -> dict[str, Any]:
    return {
        "knowledge_base": context.input["knowledge_base"],
        "data_source": context.input["data_source"],
        "ingestion": context.input.get("ingestion"),
        "fence": Fence(job=context.id, epoch=context.epoch),
    }
