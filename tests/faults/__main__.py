"""`python -m tests.faults --mode postgres --seconds 60 --seed 1`: breaks a system, then judges it.

Prints a JSON verdict with its seed and exits with 1 when a promise was broken. `sqlite`: several
runners on one SQLite file. `postgres`: Celery workers, dispatchers, a PostgreSQL and a Redis of
its own. A seed repeats the choice of faults, jobs and deaths; the operating system adds its own.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr

import kit.jobs.tables  # noqa: F401 - declares the tables
from kit.database import Database
from kit.errors import Unavailable
from tests.faults.chaos import Fault, faults_on_processes, faults_on_servers
from tests.faults.troupe import Actor
from tests.faults.verdict import count_open, judge
from tests.support.servers import PostgresServer, RedisServer
from workers.app import create_app
from workers.dispatcher import celery_publisher
from workers.settings import WorkerSettings

LEASE = 2.0
RESEND_AFTER = 3.0
DIE_CHANCE = 0.002
ROLES = {
    "sqlite": ["accepter-1", "runner-1", "runner-2"],
    "postgres": ["accepter-1", "worker-1", "worker-2", "dispatcher-1", "dispatcher-2"],
}


class Harness:
    """One run in one folder."""

    def __init__(self, mode: str, seed: int, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.faults: Counter[str] = Counter()
        self._random = Random(seed)
        url, broker = f"sqlite:///{folder}/jobs.db", ""
        if mode == "postgres":
            postgres = stack.enter_context(PostgresServer())
            redis = stack.enter_context(RedisServer())
            url, broker = postgres.url, redis.url
        self.database = Database(url, readers=1, writers=1)
        stack.callback(self.database.close)
        self.database.create_tables()
        environment = {
            "FAULTS_FOLDER": str(folder),
            "FAULTS_DATABASE_URL": url,
            "FAULTS_BROKER_URL": broker,
            "FAULTS_SEED": str(seed),
            "FAULTS_LEASE": str(LEASE),
            "FAULTS_RESEND_AFTER": str(RESEND_AFTER),
            "FAULTS_DIE_CHANCE": str(DIE_CHANCE),
        }
        self.actors = [Actor(role, environment, folder / f"{role}.log") for role in ROLES[mode]]
        for actor in self.actors:
            stack.callback(actor.end)
        self._faults = faults_on_processes(self.actors, LEASE, self._random)
        if mode == "postgres":
            publish = celery_publisher(create_app(_worker_settings(url, broker)))
            self._faults |= faults_on_servers(
                self.actors, postgres, redis, self.database, publish, self._random
            )

    def run(self, seconds: float) -> None:
        """Faults about once in a second, while jobs are accepted all the time."""
        until = time.monotonic() + seconds
        next_fault = time.monotonic() + 2.0
        while time.monotonic() < until:
            self._revive()
            if time.monotonic() >= next_fault:
                self._strike()
                next_fault = time.monotonic() + self._random.uniform(0.2, 1.6)
            time.sleep(0.05)

    def settle(self, patience: float) -> bool:
        """No more faults and no new jobs: whether all that was accepted ends in time."""
        accepter = self.actors[0]
        accepter.end()
        self.actors = self.actors[1:]
        until = time.monotonic() + patience
        while time.monotonic() < until:
            self._revive()
            if self._open() == 0:
                return True
            time.sleep(0.2)
        return False

    def _revive(self) -> None:
        for actor in self.actors:
            actor.revive()

    def _strike(self) -> None:
        name = self._random.choice(sorted(self._faults))
        strike: Fault = self._faults[name]
        strike()
        self.faults[name] += 1

    def _open(self) -> int:
        try:
            return self.database.read_now(count_open)
        except Unavailable:
            return -1


def _worker_settings(url: str, broker: str) -> WorkerSettings:
    return WorkerSettings(database_url=SecretStr(url), broker_url=SecretStr(broker))


def run(mode: str, seconds: float, seed: int, patience: float) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="undercroft-faults-"))
        harness = Harness(mode, seed, folder, stack)
        harness.run(seconds)
        settled = harness.settle(patience)
        verdict = judge(harness.database, folder)
        deaths = folder / "deaths.log"
        at_points = deaths.read_text().splitlines() if deaths.exists() else []
        logs = "".join(log.read_text() for log in folder.glob("*-*.log"))
        ok = settled and not verdict["violations"] and verdict["acknowledged"] > 0
        if ok:
            stack.callback(shutil.rmtree, folder)
        return {
            "ok": ok,
            "folder": None if ok else str(folder),
            "mode": mode,
            "seed": seed,
            "seconds": seconds,
            "settled": settled,
            "faults": dict(harness.faults) | dict(Counter(f"die at {at}" for at in at_points)),
            "fault_count": sum(harness.faults.values()) + len(at_points),
            "attempts_lost": len(re.findall(r"attempt \d+: lost", logs)),
            **verdict,
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--mode", choices=sorted(ROLES), default="postgres")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="default: the time")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds for the end to come")
    asked = parser.parse_args()
    seed = int(time.time()) if asked.seed is None else asked.seed
    verdict = run(asked.mode, asked.seconds, seed, asked.patience)
    json.dump(verdict, sys.stdout, indent=2)
    return 0 if verdict["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
