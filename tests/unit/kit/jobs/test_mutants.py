"""The model notices when the fence is weakened: a check of the check."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import ColumnElement

import kit.jobs.fence
from kit.jobs.tables import jobs
from tests.contract.jobs.fencing import without_epoch, without_state
from tests.unit.kit.jobs.test_machine import JobMachine


def without_anything(job_id: str, epoch: int) -> ColumnElement[bool]:
    return jobs.c.id == job_id


@pytest.mark.parametrize("mutant", [without_epoch, without_state, without_anything])
def test_the_model_finds_the_zombie_that_a_weaker_fence_lets_in(
    mutant: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.jobs.fence, "still_owned", mutant)
    looked_for = settings(
        max_examples=200,
        stateful_step_count=30,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(JobMachine, settings=looked_for)
