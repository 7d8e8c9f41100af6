"""Jobs on real Celery workers, a real Redis and a real PostgreSQL."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tests.faults.work  # noqa: F401 - declares the ledger
from integrations.redis.waker import RedisWaker
from kit.auth.keyring import Keyring
from kit.database import Database
from kit.jobs.store import Jobs
from tests.contract.jobs.steps import events_of
from tests.support.servers import free_port
from workers.app import create_app
from workers.dispatcher import Dispatcher, celery_publisher
from workers.settings import WorkerSettings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(postgres_url: str, redis_url: str) -> WorkerSettings:
    return WorkerSettings.model_validate(
        {"database_url": postgres_url, "broker_url": redis_url, "fleet": 3, "lease": 4.0}
    )


@contextmanager
def worker(settings: WorkerSettings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that runs the fault harness's jobs, without its faults."""
    environment = {
        "FAULTS_FOLDER": str(folder),
        "FAULTS_DATABASE_URL": settings.database_url.get_secret_value(),
        "FAULTS_BROKER_URL": settings.broker_url.get_secret_value(),
        "FAULTS_SEED": "1",
        "FAULTS_ROLE": "worker-1",
        "FAULTS_GENERATION": "1",
        "FAULTS_LEASE": str(settings.lease),
        "FAULTS_RESEND_AFTER": "30",
        "FAULTS_DIE_CHANCE": "0",
    }
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.celery_child"],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def until(jobs: Jobs, job_id: str, state: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while (now := await jobs.get("acme", job_id)).state != state:
        assert time.monotonic() < deadline, f"still {now.state}, not {state}"
        await asyncio.sleep(0.05)


async def test_a_job_goes_from_accept_over_the_broker_to_its_end_and_drains_on_sigterm(
    database: Database, settings: WorkerSettings, tmp_path: Path
) -> None:
    broker = settings.broker_url.get_secret_value()
    waker, stop = RedisWaker(broker), asyncio.Event()
    jobs = Jobs(database, waker)
    publish = celery_publisher(create_app(settings))
    dispatching = asyncio.create_task(Dispatcher(database, settings, publish, waker.wait).run(stop))
    with worker(settings, tmp_path) as process:
        quick = await jobs.accept("acme", "fault", {"does": "steps"})
        await until(jobs, quick.id, "succeeded")
        slow = await jobs.accept("acme", "fault", {"does": "slow"})
        await until(jobs, slow.id, "running")
        stop.set()
        await dispatching
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 0
    assert events_of(database, slow.id)[-1] == "released"
    assert (await jobs.get("acme", slow.id)).crash_count == 0
    await waker.close()


async def test_a_wake_is_heard_by_who_waits(redis_url: str) -> None:
    waker = RedisWaker(redis_url)
    await waker.wait(0.05)  # subscribes
    waiting = asyncio.create_task(waker.wait(10.0))
    began = time.monotonic()
    await waker.wake()
    await waiting
    assert time.monotonic() - began < 5.0
    await waker.close()


async def test_a_job_is_accepted_while_the_broker_is_away(database: Database) -> None:
    waker = RedisWaker(f"redis://127.0.0.1:{free_port()}/0")
    job = await Jobs(database, waker).accept("acme", "fault", {"does": "quick"})
    assert job.state == "queued"
    began = time.monotonic()
    await waker.wait(0.3)
    assert 0.2 < time.monotonic() - began < 3.0
    await waker.close()


def _heeds_sigterm(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has a handler of its own for it, by what Linux says of the process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_a_worker_process_starts_from_its_environment_and_ends_on_sigterm(
    settings: WorkerSettings, tmp_path: Path
) -> None:
    Keyring.load_or_create(tmp_path / "master_key")
    environment = {
        "WORKER_MASTER_KEY_FILE": str(tmp_path / "master_key"),
        "WORKER_DATABASE_URL": settings.database_url.get_secret_value(),
        "WORKER_BROKER_URL": settings.broker_url.get_secret_value(),
    }
    for role in ("worker", "dispatcher"):
        log = tmp_path / f"{role}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers", role],
                env=os.environ | environment,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 60
        while not (_heeds_sigterm(process) if role == "dispatcher" else "ready" in log.read_text()):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()


def test_no_job_is_lost_nor_done_twice_while_everything_dies() -> None:
    command = [sys.executable, "-m", "tests.faults", "--mode", "postgres"]
    command += ["--seconds", "20", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["ok"], verdict["violations"]) == (0, True, [])
    assert verdict["fault_count"] >= 8
    assert verdict["acknowledged"] >= 20
