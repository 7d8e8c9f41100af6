"""One turn of a batch: its open lines answered side by side, and kept as they come."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from secrets import SystemRandom
from typing import Literal, TypeAlias

from kit.batches import progress
from kit.batches.records import Answered
from kit.database import Database
from kit.errors import (
    BudgetSpent,
    DeadlineExceeded,
    Internal,
    Interrupted,
    PlatformError,
    RateLimited,
    TookTooLong,
    Unavailable,
    UpstreamFailed,
)
from kit.jobs.due import others_wait
from kit.jobs.ports import JobContext
from workers.batch.tries import Tries
from workers.batch.wire import BatchWire, InputGone, Line, Running

log = logging.getLogger(__name__)

Ending: TypeAlias = Literal["done", "cancelled", "expired", "yielded", "stopped"]

Book: TypeAlias = Callable[[], Awaitable[None]]

AT_ONCE = 32
KEPT_EVERY = 0.2
"""Seconds for which answers wait to be written together: what a crash has to answer again."""
TOLD_EVERY = 2.0
LEAST_TURN = 10.0
"""Seconds from its first line for which a batch keeps its place while others wait for one."""
PATIENCE = 20.0
"""Seconds that lines under way have to end when a batch stops for good."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_TRIES = 3  # of a line whose engine answered badly; one that is busy is asked for as long as it is
_REST = 5.0  # seconds for others to use an engine that broke under a line, times its tries
_MOST_BROKE = 3  # lines: the next ones are likely to break it too, and it serves others besides
_chance = SystemRandom()


class Turn:
    """Run it once. `book` stores what the answers so far have used."""

    def __init__(
        self,
        database: Database,
        wire: BatchWire,
        running: Running,
        context: JobContext,
        book: Book,
    ) -> None:
        self._database, self._wire, self._book = database, wire, book
        self._running, self._context = running, context
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._answers: list[Answered] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._ending: Ending = "done"
        self._tries, self._alone = Tries(context.checkpoint), asyncio.Lock()
        self.reason: PlatformError | None = None
        self._stop, self._finished = asyncio.Event(), asyncio.Event()
        self._began: float | None = None
        self._told = time.monotonic()

    async def run(self) -> Ending:
        """`reason` tells why where it is "stopped". Raises JobLost."""
        done = await self._database.read(progress.answered_lines, self._running.writer)
        keeper = asyncio.create_task(self._keep_on())
        try:
            await self._begin_all(done)
            await self._settle(keeper)
            self._finished.set()
            await keeper
        finally:
            keeper.cancel()
            await self._leave()
            await asyncio.gather(keeper, return_exceptions=True)
        return self._ending

    async def _begin_all(self, done: set[tuple[int, int]]) -> None:
        try:
            await self._begin_each(done)
        except InputGone as error:
            self._end_because(error)

    async def _begin_each(self, done: set[tuple[int, int]]) -> None:
        async with aclosing(self._wire.lines(self._running)) as lines:
            async for line in lines:
                if (line.source, line.number) in done:
                    continue
                await self._slots.acquire()
                if self._stop.is_set():
                    return
                if self._began is None:  # not before: a long way to the first line is no turn
                    self._began = time.monotonic()
                task = asyncio.create_task(self._answer(line))
                self._under_way.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a line of batch %s went lost", self._running.batch.id, exc_info=error)
            self._end_because(Internal("The server had an error; start another batch."))

    async def _settle(self, keeper: "asyncio.Task[None]") -> None:
        """Lets what is under way end; once the batch stops, not for long, or not at all.

        Others that wait are no reason to leave a line: the next turn would pay for it again, and
        perhaps be no longer.
        """
        while self._under_way and self._ending in ("done", "yielded") and not keeper.done():
            await asyncio.wait(self._under_way, timeout=KEPT_EVERY)
        if self._under_way and self._ending == "stopped":
            await asyncio.wait(self._under_way, timeout=PATIENCE)
        await self._leave()

    async def _leave(self) -> None:
        """A line that is left has no answer, and so is asked again by the next turn."""
        left = list(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _answer(self, line: Line) -> None:
        try:
            answered = await self._tried(line)
        except BudgetSpent as error:
            self._end_because(error)
            return
        except PlatformError as error:
            answered = self._wire.failed(self._running, line, error)
            if isinstance(error, Interrupted) and self._tries.broke() >= _MOST_BROKE:
                self._end_because(_breaks_its_model(error))
        except Exception:
            log.exception("a line of batch %s broke", self._running.batch.id)
            failure = Internal("The server had an error; try this request again.")
            answered = self._wire.failed(self._running, line, failure)
        if answered is not None:
            self._answers.append(answered)
            self._tries.forget(line)

    async def _tried(self, line: Line) -> Answered | None:
        """None where the batch stops before the line has had its answer.

        Lines under which an engine broke are tried again one at a time, each to its end: most had
        no part in it, and of those that did few are to break it again.
        """
        if self._tries.of(line) == 0:
            try:
                return await self._asked(line)
            except Interrupted as error:
                if self._tries.of(line) >= _TRIES:
                    raise
                if await self._stops_within(max(_REST, error.retry_after or 0.0)):
                    return None
        async with self._alone:
            return None if self._stop.is_set() else await self._asked(line, is_alone=True)

    async def _asked(self, line: Line, *, is_alone: bool = False) -> Answered | None:
        """Raises what is not to be tried again; Interrupted at once where it is not alone."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._wire.answer(self._running, line)
            except TookTooLong:
                raise
            except (Interrupted, UpstreamFailed, DeadlineExceeded, Internal) as error:
                tries, wanted = self._tries.count(line), pause
                if isinstance(error, Interrupted):
                    wanted = max(pause, _REST * tries)
                if tries >= _TRIES or (isinstance(error, Interrupted) and not is_alone):
                    raise
            except (RateLimited, Unavailable) as error:
                if isinstance(error, RateLimited) and not error.passes:
                    raise
                wanted = max(pause, error.retry_after or 0.0)
            pause = min(pause * 2, _LONGEST_PAUSE)
            if await self._stops_within(wanted):
                return None

    async def _stops_within(self, seconds: float) -> bool:
        """Waits so long, or a little less, unless the batch stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, _LONGEST_PAUSE) * _chance.uniform(0.5, 1)):
                await self._stop.wait()
        return self._stop.is_set()

    async def _keep_on(self) -> None:
        """Until all is kept; what ends it before ends the turn."""
        try:
            is_last = False
            while not is_last:
                with suppress(TimeoutError):
                    async with asyncio.timeout(KEPT_EVERY):
                        await self._finished.wait()
                is_last = self._finished.is_set()
                await self._keep()
        finally:
            self._halt()

    async def _keep(self) -> None:
        """Writes what came since the last time, and learns whether to go on."""
        answers, self._answers = self._answers, []
        if answers:  # first: who dies in between has them asked, and booked, again, but none free
            await self._book()
        standing = await self._database.write(progress.append, self._running.writer, answers)
        if (checkpoint := self._tries.unsaved()) is not None:
            await self._context.save(checkpoint)
        now = time.monotonic()
        if now > self._told + TOLD_EVERY:
            self._told = now
            await self._context.progress(standing.done, self._running.batch.total or 0)
        if standing.cancelled:
            self._end("cancelled")
        elif standing.expired:
            self._end("expired")
        elif await self._is_to_yield():
            self._end("yielded")

    async def _is_to_yield(self) -> bool:
        is_early = self._began is None or time.monotonic() < self._began + LEAST_TURN
        if is_early or self._stop.is_set():
            return False
        job, kinds = self._context.id, self._context.kinds
        return await self._database.read(others_wait, job, kinds=kinds)

    def _end_because(self, reason: PlatformError) -> None:
        self._end("stopped", reason)

    def _end(self, ending: Ending, reason: PlatformError | None = None) -> None:
        """The first reason counts, but what ends the batch itself comes before others that wait."""
        if not self._stop.is_set() or self._ending == "yielded":
            self._ending, self.reason = ending, reason
            self._halt()

    def _halt(self) -> None:
        self._stop.set()
        self._slots.release()  # whoever waits for a place is to see that it is over


def _breaks_its_model(error: Interrupted) -> Interrupted:
    return Interrupted(
        f"{_MOST_BROKE} requests of this batch failed because the model's server broke off each "
        f"time that they were tried, and the others were not tried any more: {error.message}"
    )
