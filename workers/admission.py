"""The job that checks an adapter, step by step through the generation service."""

from contracts.generation.adapters import AdmitAdapter
from contracts.generation.adapters_client import AdaptersClient
from kit.errors import Interrupted, NotFound, NotReady, Unavailable
from kit.jobs.ports import JobCancelled, JobContext, JobYielded, JsonObject
from workers.asker import asker

_STEPS = ("weights", "parity")
_UNTIL_THE_BASE_ANSWERS = 5.0
"""Seconds between looks."""
_MOST_BROKE = 3
"""Servers that may go away under an adapter; they serve others besides."""


class Admission:
    """Each step may be done again, so an attempt begins with the first."""

    def __init__(self, adapters: AdaptersClient) -> None:
        self._adapters = adapters

    async def run(self, context: JobContext) -> JsonObject:
        """What is deleted meanwhile, which alone is NotFound, needs no more checks."""
        digest = context.input["digest"]
        try:
            return {"digest": digest, "state": await self._check(context)}
        except JobCancelled:
            await self._ask(context, "stopped")
            raise
        except NotFound:
            return {"digest": digest, "state": "deleted"}
        except NotReady as error:
            raise JobYielded(after=_wait(error)) from error

    async def _check(self, context: JobContext) -> str:
        state = "checking"
        for done, step in enumerate(_STEPS):
            await context.progress(done, len(_STEPS), step)
            state = await (self._try(context) if step == "parity" else self._ask(context, step))
            if state != "checking":
                break
        await context.progress(len(_STEPS), len(_STEPS))
        return state

    async def _try(self, context: JobContext) -> str:
        """A server that goes away may do so because of the adapter, or of anybody's request."""
        try:
            return await self._ask(context, "parity")
        except Interrupted as error:
            broke = context.checkpoint.get("broke", 0) + 1
            if broke >= _MOST_BROKE:
                return await self._ask(context, "broken")
            await context.save({"broke": broke})
            raise JobYielded(after=_wait(error)) from error

    async def _ask(self, context: JobContext, step: str) -> str:
        ask = AdmitAdapter.model_validate(
            {
                "digest": context.input["digest"],
                "step": step,
                "job": context.id,
                "epoch": context.epoch,
            }
        )
        return (await self._adapters.admit(asker(context), ask)).state


def _wait(error: Unavailable) -> float:
    return max(error.retry_after or 0.0, _UNTIL_THE_BASE_ANSWERS)
