"""The one Celery task, and the life of the child processes that run it."""

import logging
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery import Celery
from celery.signals import (
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)

from kit.errors import PlatformError
from workers.app import RUN_JOB
from workers.process import OpenHandlers, WorkerProcess
from workers.pulse import EVERY, touch
from workers.settings import WorkerSettings

logger = logging.getLogger(__name__)


class Worker:
    """Ties the task to this process's children; keep it as long as the worker runs."""

    def __init__(self, app: Celery, settings: WorkerSettings, open_handlers: OpenHandlers) -> None:
        self._settings = settings
        self._open_handlers = open_handlers
        self._process: WorkerProcess | None = None
        self._beats = False
        # Shared with the children without a lock, which a killed child could keep for ever.
        self._draining = RawValue("b", 0)
        worker_process_init.connect(self._start_child)
        worker_process_shutdown.connect(self._end_child)
        worker_shutting_down.connect(self._drain)
        worker_ready.connect(self._beat)
        app.task(name=RUN_JOB)(self.run_job)

    def run_job(self, job_id: str) -> None:
        """Runs a job if it is still to be run; the message is done with either way."""
        if self._process is None:
            raise RuntimeError("Jobs run in the worker's child processes; use the prefork pool.")
        try:
            self._process.run(job_id)
        except PlatformError as error:  # before the claim: the job is queued and is sent again
            logger.warning("job %s was not started: %s", job_id, error.message)

    def _start_child(self, **_: Any) -> None:
        self._process = WorkerProcess(
            self._settings, self._open_handlers, lambda: bool(self._draining.value)
        )

    def _end_child(self, **_: Any) -> None:
        if self._process is not None:
            self._process.close()

    def _beat(self, sender: Any, **_: Any) -> None:
        """Also after each new connection; in between, without a broker, the pulse stops."""
        if self._settings.pulse is not None and not self._beats:
            self._beats = True
            sender.timer.call_repeatedly(EVERY, touch, (self._settings.pulse,))

    def _drain(self, **_: Any) -> None:
        self._draining.value = 1


def run_worker(settings: WorkerSettings, app: Celery, open_handlers: OpenHandlers) -> None:
    """Runs a worker until SIGTERM; then running jobs are given back and it returns."""
    worker = Worker(app, settings, open_handlers)  # noqa: F841 - signals refer to it weakly
    app.worker_main(
        [
            "worker",
            f"--queues={settings.queues}",
            f"--concurrency={settings.concurrency}",
            "--pool=prefork",
            "--loglevel=INFO",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
