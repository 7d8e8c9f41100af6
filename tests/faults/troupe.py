"""Starts the processes, and starts again those that die."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


class Actor:
    """One process in a session of its own, with a name and a number of lives."""

    def __init__(self, role: str, environment: dict[str, str], log: Path) -> None:
        self.role = role
        self.generation = 0
        self._environment = environment
        self._log = log
        self._stopped_until = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def revive(self) -> None:
        """Starts the process if it is dead, and wakes it when its stop is over."""
        if self._stopped_until and time.monotonic() > self._stopped_until:
            self._stopped_until = 0.0
            self.signal(signal.SIGCONT)
        if self.process is not None and self.process.poll() is None:
            return
        self.generation += 1
        celery = self.role.startswith(("worker", "dispatcher"))
        module = "celery_child" if celery else "child"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"tests.faults.{module}"],
                env=os.environ
                | self._environment
                | {"FAULTS_ROLE": self.role, "FAULTS_GENERATION": str(self.generation)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: int, *, alone: bool = False) -> None:
        """To the process and its children, or to it `alone`."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            if alone:
                os.kill(self.process.pid, number)
            else:
                os.killpg(self.process.pid, number)

    def stop_for(self, seconds: float) -> None:
        self.signal(signal.SIGSTOP)
        self._stopped_until = time.monotonic() + seconds

    def children(self) -> list[int]:
        """The processes that it forked."""
        if self.process is None:
            return []
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with suppress(OSError):
            return [int(pid) for pid in tasks.read_text().split()]
        return []

    def end(self, patience: float = 15.0) -> None:
        """A drain, then death."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM, alone=True)
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
