"""The job of a batch: reads its input, answers its lines, writes its outputs."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from kit.batches import progress
from kit.batches.progress import Writer
from kit.batches.records import Answered, Outcome
from kit.database import Database
from kit.errors import Unavailable
from kit.jobs.ports import JobContext, JobYielded, JsonObject
from workers.asker import asker
from workers.batch.turn import Book, Turn
from workers.batch.wire import BatchRefused, BatchWire, InputGone, Running
from workers.waiting import come_again

_AT_ONCE = 200
_AWAY = 30.0
_OUTCOMES: dict[str, Outcome] = {
    "done": "completed",
    "cancelled": "cancelled",
    "expired": "expired",
    "stopped": "failed",
}


class BatchJob:
    """Goes on where an attempt before it ended: at the lines that have no answer yet."""

    def __init__(self, database: Database, wires: Mapping[str, BatchWire], book: Book) -> None:
        """`wires` by the names that batches give theirs; `book` stores what was used so far."""
        self._database, self._wires, self._book = database, wires, book

    async def run(self, context: JobContext) -> JsonObject:
        """Raises JobYielded when it has had its turn and others wait, or what it needs is away."""
        writer = Writer(context.tenant, context.id, context.epoch)
        batch = await self._database.read(progress.load, writer)
        who = asker(context)
        running, wire = Running(batch, who, writer), self._wires[batch.wire]
        try:
            if batch.total is None and batch.cancelling_at is None:
                running = await self._begin(running, wire)
            return await self._run(running, wire, context)
        except BatchRefused as refusal:
            context.at_finish(
                partial(progress.end, writer=writer, outcome="failed", told=refusal.told)
            )
            return {"outcome": "failed"}
        except Unavailable as error:
            raise come_again(error, least=_AWAY, until=batch.expires_at) from error

    async def _begin(self, running: Running, wire: BatchWire) -> Running:
        checked = await wire.check(running)
        batch = await self._database.write(
            progress.begin, running.writer, checked.total, checked.told
        )
        return replace(running, batch=batch)

    async def _run(self, running: Running, wire: BatchWire, context: JobContext) -> JsonObject:
        outcome: Outcome = "cancelled"
        stopped: dict[str, object] = {}
        if running.batch.cancelling_at is None:
            turn = Turn(self._database, wire, running, context, self._book)
            ending = await turn.run()
            if ending == "yielded":
                raise JobYielded
            if turn.reason is not None:
                stopped = wire.stopped(turn.reason)
            outcome = _OUTCOMES[ending]
        if outcome == "expired":
            try:
                await self._tell_expired(running, wire)
            except InputGone as error:
                stopped = wire.stopped(error)
        told = await self._conclude(running, wire, outcome) | stopped
        context.at_finish(partial(progress.end, writer=running.writer, outcome=outcome, told=told))
        return {"outcome": outcome}

    async def _tell_expired(self, running: Running, wire: BatchWire) -> None:
        done = await self._database.read(progress.answered_lines, running.writer)
        told: list[Answered] = []
        async with aclosing(wire.lines(running)) as lines:
            async for line in lines:
                if (line.source, line.number) in done:
                    continue
                if (answer := wire.expired(running, line)) is not None:
                    told.append(answer)
                if len(told) == _AT_ONCE:
                    await self._database.write(progress.append, running.writer, told)
                    told = []
        await self._database.write(progress.append, running.writer, told)

    async def _conclude(
        self, running: Running, wire: BatchWire, outcome: Outcome
    ) -> dict[str, object]:
        batch = await self._database.write(progress.finalize, running.writer)
        return await wire.conclude(replace(running, batch=batch), outcome)
