"""One vLLM server and its guard, from its start to its end."""

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

from typing_extensions import override

from kit.errors import Unavailable
from services.generation.engines.launchers import guard
from services.generation.engines.launchers.logs import reason, thin_out
from services.generation.engines.launchers.probe import Probe, misses
from services.generation.ports import EngineLimits, Launched, Replica
from services.generation.settings import VllmSettings

log = logging.getLogger(__name__)

_LOG_BYTES = 4 << 20
_GRACE = 5.0
_LOOK = 0.25
_LOOKS = 100
_URL = "http://vllm"
"""The name means nothing: the connection goes to the socket."""


class Child(Launched):
    """Listens on a socket in a folder that only this user may enter."""

    def __init__(self, model: str, limits: EngineLimits, settings: VllmSettings) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="undercroft-"))  # sockets' paths are short
        self.socket = self.scratch / "http"
        self.home = settings.folder.resolve() / "home"
        self._replica = Replica(f"{model}-{token_hex(4)}", _URL + "/v1", limits, None, self.socket)
        self._log = settings.folder.resolve() / "logs" / model / f"{self._replica.id}.log"
        self._patience, self._drain = settings.vllm_start_seconds, settings.vllm_drain
        self._probe = Probe(_URL, socket=self.socket)
        self.guard: asyncio.subprocess.Process | None = None
        self._gone: Callable[[], None] = lambda: None

    def when_gone(self, told: Callable[[], None]) -> None:
        """Called once, when nothing of it is left."""
        self._gone = told

    async def begin(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Raises Unavailable where no process can be started."""
        try:
            for folder in (self.home, self._log.parent):
                folder.mkdir(parents=True, exist_ok=True)
            thin_out(self._log.parent)
            await self._spawn(command, environment)
        except BaseException as error:  # also when cancelled: nothing of it may be left
            await self.stop()
            if isinstance(error, OSError):
                raise Unavailable(f"vLLM cannot be started: {error}.") from error
            raise

    @override
    async def ready(self) -> Replica:
        try:
            async with asyncio.timeout(self._patience):
                while not await self._probe.lives():
                    if self._process.returncode is not None:
                        raise Unavailable(reason(self._log))
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise Unavailable(
                f"vLLM did not answer within {self._patience:.0f} s; see {self._log}."
            ) from None
        return self._fitted(await self._probe.context())

    @override
    async def ended(self) -> str:
        gone = asyncio.create_task(self._process.wait())
        silent = asyncio.create_task(misses(self._probe))
        try:
            await asyncio.wait({gone, silent}, return_when=asyncio.FIRST_COMPLETED)
            return reason(self._log) if gone.done() else f"vLLM answers no more; see {self._log}."
        finally:
            gone.cancel()
            silent.cancel()

    @override
    async def stop(self, *, at_once: bool = False) -> None:
        """Its guard ends the server once our end of the pipe is closed.

        vLLM takes all of its time to drain even when it is idle, and keeps nothing on disk. Cut
        short, this ends it at once.
        """
        try:
            if self.guard is not None:
                await _end(self.guard, 0 if at_once else self._drain + 2 * _GRACE)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
            told, self._gone = self._gone, lambda: None
            told()
            await self._probe.close()

    def _fitted(self, context: int | None) -> Replica:
        """The replica with the context that it has, which may be shorter than its model's."""
        limits = self._replica.limits
        if context is None:
            return self._replica
        if context < limits.context:
            log.warning(
                "%s reads %d tokens and not %d, for its cache holds no more; on processors "
                "GENERATION_VLLM_CACHE_GIB raises that, on accelerators GENERATION_VLLM_GPU_SHARE "
                "or more of them",
                *(self._replica.id, context, limits.context),
            )
        return replace(self._replica, limits=replace(limits, context=context))

    async def _spawn(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        guarding = (self._log, _LOG_BYTES, self.scratch, self._drain + _GRACE)
        with self._log.open("ab") as output:
            self.guard = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", guard.__file__),
                *(*map(str, guarding), *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.home,
                start_new_session=True,
            )

    @property
    def _process(self) -> asyncio.subprocess.Process:
        assert self.guard is not None, "begin comes first"  # noqa: S101
        return self.guard


async def _end(leader: asyncio.subprocess.Process, patience: float) -> None:
    assert leader.stdin is not None  # noqa: S101 (made with a pipe)
    leader.stdin.close()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await leader.wait()
    finally:  # also when cancelled: what it had is given to others next
        await _end_group(leader.pid)
        await leader.wait()


async def _end_group(leader: int) -> None:
    """Waits for the kernel to clear it away, though not for a zombie that nobody reaps."""
    with suppress(ProcessLookupError):  # as soon as there is nobody in it
        for _ in range(_LOOKS):
            os.killpg(leader, signal.SIGKILL)
            await asyncio.sleep(_LOOK / 10)
