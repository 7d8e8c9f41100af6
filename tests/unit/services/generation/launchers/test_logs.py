"""What is told of a server's end, out of the log that it left."""

from pathlib import Path

import pytest

from services.generation.engines.launchers.guard import Log
from services.generation.engines.launchers.logs import reason

REFUSED = """\
(APIServer pid=5) Error parsing config for /weights: the lines of a trace
(APIServer pid=5) pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
(APIServer pid=5)   Value error, The repository /weights contains custom code which must be executed
(APIServer pid=5)     For further information visit a page
"""


def told(folder: Path, text: str) -> str:
    log = folder / "copy.log"
    log.write_text(text)
    return reason(log).removesuffix(f" ({log})")


def test_a_model_that_only_its_own_code_could_serve_is_said_to_be_one(tmp_path: Path):
    assert told(tmp_path, REFUSED) == (
        "vLLM ended: Value error, The repository /weights contains custom code which must be "
        "executed"
    )


BEFORE = "(APIServer pid=5) ERROR 11-21 13:54:44 [serving.py:9] ValueError: a request's own fault"
WORKER = """
(EngineCore pid=7) ERROR 11-21 13:54:44 [multiproc_executor.py:315] Worker proc VllmWorker-0 died \
unexpectedly (exit code: {}), shutting down executor.
RuntimeError: Executor failed.
"""


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("\nThe server was killed by signal 9\n", "killed by signal 9 (SIGKILL)"),
        (WORKER.format("None"), "a worker of it died"),
        (WORKER.format("-9"), "a worker of it died"),
    ],
)
def test_one_that_was_killed_is_said_to_be_whatever_it_logged_before(
    tmp_path: Path, last: str, reason: str
):
    assert told(tmp_path, BEFORE + last) == f"vLLM ended: {reason}, often for want of memory"


def test_one_that_another_signal_ended_has_said_why(tmp_path: Path):
    said = told(tmp_path, "RuntimeError: CUDA error\n\nThe server was killed by signal 6\n")
    assert said == "vLLM ended: RuntimeError: CUDA error"
    assert told(tmp_path, "\nThe server was killed by signal 11\n").endswith("by signal 11")


def test_a_reason_with_all_that_there_is_to_choose_from_is_cut(tmp_path: Path):
    assert len(told(tmp_path, f"ValueError: not supported, choose of {'Name, ' * 1000}")) < 600


def test_a_log_that_somebody_removed_tells_nothing_and_breaks_nothing(tmp_path: Path):
    assert "said nothing" in reason(tmp_path / "gone.log")
    log = Log(tmp_path / "copy.log", 10)
    log.write(b"12345678")
    (tmp_path / "copy.log").unlink()
    log.write(b"12345678")
    log._file.close()
    assert (tmp_path / "copy.log").read_bytes() == b"12345678"
