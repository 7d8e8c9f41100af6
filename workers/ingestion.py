"""The jobs of knowledge bases: ingestions and removals, step by step through the search service."""

import asyncio
from secrets import SystemRandom
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
from kit.errors import (
    Conflict,
    DeadlineExceeded,
    Internal,
    PlatformError,
    RateLimited,
    Unavailable,
    UpstreamFailed,
)
from kit.jobs.ports import JobCancelled, JobContext, JobLost, JsonObject
from workers.asker import asker

_AT_ONCE = 4  # documents under way: one waits for its parser while another is embedded
_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)  # seconds before each next try of a step
_chance = SystemRandom()
_OF_ONE_DOCUMENT = (Internal, UpstreamFailed, DeadlineExceeded)


class Ingestion:
    """Plans, runs the steps a few at a time, and ends what it began, also when it is stopped."""

    def __init__(self, search: SearchClient) -> None:
        self._search = search

    async def run(self, context: JobContext) -> JsonObject:
        who, scope = asker(context), _scope(context)
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
        """A document that breaks its step is left for another attempt; the others go on."""
        done, waiting, broken = 0, iter(steps), list[PlatformError]()
        under_way: dict[str, None] = {}  # in the order in which they began
        await context.progress(0, len(steps))

        async def work() -> None:
            nonlocal done
            for step in waiting:
                under_way[step.document] = None
                try:
                    await self._step(context, who, RunStep(**scope, step=step))
                except _OF_ONE_DOCUMENT as error:
                    broken.append(error)
                done += 1
                del under_way[step.document]
                await context.progress(done, len(steps), next(iter(under_way), ""))

        tasks = [asyncio.create_task(work()) for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if broken:
            raise broken[0]

    async def _step(self, context: JobContext, who: Principal, ask: RunStep) -> None:
        """Tried again when another job changed the document, or what it needs is busy."""
        for pause in _PAUSES:
            try:
                await self._search.run_step(who, ask)
            except (Conflict, RateLimited, Unavailable) as error:
                await context.save(context.checkpoint)  # raises when it was our claim that ended
                longest = max(pause, error.retry_after or 0.0)
                await asyncio.sleep(longest * _chance.uniform(0.5, 1.0))
            else:
                return
        raise Unavailable(f"{ask.step.document} could not be indexed yet.", retry_after=5)


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
        calls, more = 0, True
        while more:
            more = (await self._search.remove(asker(context), ask)).more
            calls += 1
            await context.progress(calls, calls + more)
        return {}


def _scope(context: JobContext) -> dict[str, Any]:
    return {
        "knowledge_base": context.input["knowledge_base"],
        "data_source": context.input["data_source"],
        "ingestion": context.input.get("ingestion"),
        "fence": Fence(job=context.id, epoch=context.epoch),
    }
