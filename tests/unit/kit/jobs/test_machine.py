"""Any order of accept, claim, beat, kill, reap, finish and cancel, against a model of it all."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from sqlalchemy import Connection
from typing_extensions import override

from kit.database import Database
from kit.errors import Conflict
from kit.jobs.cancel import cancel_job, retry_job
from kit.jobs.finish import end_cancelled, finish_job, release_job
from kit.jobs.job import ClaimedJob, Job
from kit.jobs.lease import beat, claim_due
from kit.jobs.ports import JobLost
from kit.jobs.query import list_jobs
from kit.jobs.reap import reap
from kit.jobs.retry import crash_job, fail_job
from kit.jobs.step import commit_once
from tests.contract.jobs.steps import KINDS, accept, let_lease_end, make_due

ERROR = {"code": "x", "message": "x"}


@dataclass
class Expected:
    """What the model says of one job."""

    state: str = "queued"
    epoch: int = 0
    attempts: int = 0
    crashes: int = 0
    cancel: bool = False
    finish_effects: int = 0
    step_effects: int = 0

    def owned_by(self, claim: ClaimedJob) -> bool:
        return self.state == "running" and self.epoch == claim.epoch

    def crash(self) -> None:
        if self.cancel:
            self.state = "cancelled"
            return
        self.crashes += 1
        self.state = "dead" if self.crashes >= 5 else "queued"


@dataclass
class Effects:
    finish: list[str] = field(default_factory=list)
    step: list[str] = field(default_factory=list)


class JobMachine(RuleBasedStateMachine):
    """Claims stay in their bundle for ever: every one of them may come back as a zombie."""

    keys: Bundle[str] = Bundle("keys")
    claims: Bundle[ClaimedJob] = Bundle("claims")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="undercroft-machine-")
        self.database = Database(f"sqlite:///{Path(self.folder.name)}/jobs.db", readers=1)
        self.database.create_tables()
        self.ids: dict[str, str] = {}
        self.expected: dict[str, Expected] = {}
        self.effects = Effects()

    @rule(target=keys, key=st.sampled_from(["a", "b", "c"]))
    def accept(self, key: str) -> str:
        job = accept(self.database, idem_key=key, max_attempts=3)
        assert self.ids.setdefault(key, job.id) == job.id
        self.expected.setdefault(job.id, Expected())
        return key

    @rule(target=claims, key=keys)
    def claim(self, key: str) -> ClaimedJob:
        """Claims whatever is due; with nothing due, a claim of the past comes back."""
        make_due(self.database, self.ids[key])
        taken = self.database.write_now(
            claim_due, limit=1, kinds=KINDS, owner="h:1:b", lease=60.0
        ) or self.database.write_now(
            claim_due, limit=1, kinds=KINDS, owner="h:1:b", lease=60.0, quarantined=True
        )
        if not taken:
            return ClaimedJob(self.ids[key], "acme", "work", 0, 0, 0, False, {}, {})
        (claim,) = taken
        model = self.expected[claim.id]
        assert model.state == "queued"
        model.state, model.epoch = "running", model.epoch + 1
        assert claim.epoch == model.epoch
        return claim

    def _write(self, claim: ClaimedJob, write: Callable[[Connection, str, int], object]) -> bool:
        """Writes for an attempt; the fence must let in the owner and nobody else."""
        owned = self.expected[claim.id].owned_by(claim)
        try:
            self.database.write_now(write, claim.id, claim.epoch)
        except JobLost:
            assert not owned, "the owner was fenced off"
            return False
        assert owned, "a zombie got through"
        return True

    @rule(claim=claims)
    def finish(self, claim: ClaimedJob) -> None:
        effect = [lambda _: self.effects.finish.append(claim.id)]
        if self._write(claim, lambda c, job, epoch: finish_job(c, job, epoch, {}, effect)):
            self.expected[claim.id].state = "succeeded"
            self.expected[claim.id].finish_effects = 1

    @rule(claim=claims)
    def step(self, claim: ClaimedJob) -> None:
        def effect(_: Connection) -> dict[str, object]:
            self.effects.step.append(claim.id)
            return {}

        if self._write(claim, lambda c, job, epoch: commit_once(c, job, epoch, "s", effect)):
            self.expected[claim.id].step_effects = 1

    @rule(claim=claims)
    def beat(self, claim: ClaimedJob) -> None:
        self._write(claim, lambda c, job, epoch: beat(c, job, epoch, 60.0))

    @rule(claim=claims, retryable=st.booleans())
    def fail(self, claim: ClaimedJob, retryable: bool) -> None:
        model = self.expected[claim.id]
        if self._write(
            claim,
            lambda c, job, epoch: fail_job(c, job, epoch, ERROR, retryable=retryable, chance=0.5),
        ):
            if model.cancel:
                model.state = "cancelled"
                return
            model.attempts += 1
            model.state = "queued" if retryable and model.attempts < 3 else "failed"

    @rule(claim=claims)
    def crash(self, claim: ClaimedJob) -> None:
        if self._write(claim, lambda c, job, epoch: crash_job(c, job, epoch, ERROR, chance=0.5)):
            self.expected[claim.id].crash()

    @rule(claim=claims)
    def drain(self, claim: ClaimedJob) -> None:
        if self._write(claim, release_job):
            model = self.expected[claim.id]
            model.state = "cancelled" if model.cancel else "queued"

    @rule(claim=claims)
    def hear_cancel(self, claim: ClaimedJob) -> None:
        if self.expected[claim.id].cancel and self._write(claim, end_cancelled):
            self.expected[claim.id].state = "cancelled"

    @rule(key=keys)
    def let_lease_end_and_reap(self, key: str) -> None:
        let_lease_end(self.database, self.ids[key])
        reaped = self.database.write_now(reap)
        model = self.expected[self.ids[key]]
        assert (self.ids[key] in reaped) == (model.state == "running")
        if reaped:
            model.crash()

    @rule(key=keys)
    def cancel(self, key: str) -> None:
        model = self.expected[self.ids[key]]
        try:
            self.database.write_now(cancel_job, "acme", self.ids[key])
        except Conflict:
            assert model.state in ("succeeded", "failed", "dead")
            return
        model.cancel = True
        model.state = "running" if model.state == "running" else "cancelled"

    @rule(key=keys)
    def retry(self, key: str) -> None:
        model = self.expected[self.ids[key]]
        try:
            self.database.write_now(retry_job, "acme", self.ids[key])
        except Conflict:
            assert model.state not in ("failed", "dead")
            return
        assert model.state in ("failed", "dead")
        model.state, model.attempts, model.crashes, model.cancel = "queued", 0, 0, False

    @invariant()
    def rows_say_what_the_model_says(self) -> None:
        if not hasattr(self, "database"):
            return
        for job in self._jobs():
            model = self.expected[job.id]
            assert (job.state, job.epoch, job.attempts, job.crash_count) == (
                model.state,
                model.epoch,
                model.attempts,
                model.crashes,
            )
            assert self.effects.finish.count(job.id) == model.finish_effects
            assert self.effects.step.count(job.id) == model.step_effects

    def _jobs(self) -> list[Job]:
        found = self.database.read_now(list_jobs, "acme").jobs
        assert {job.id for job in found} == set(self.expected), "a job was lost or made up"
        return found

    @override
    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
