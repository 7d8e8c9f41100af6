"""A short run of the fault harness over SQLite."""

import json
import subprocess
import sys


def test_no_job_is_lost_nor_done_twice_while_its_runners_die() -> None:
    command = [sys.executable, "-m", "tests.faults", "--mode", "sqlite"]
    command += ["--seconds", "12", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["ok"], verdict["violations"]) == (0, True, [])
    assert verdict["fault_count"] >= 5
    assert verdict["acknowledged"] >= 20
