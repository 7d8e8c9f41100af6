"""What is told of a server's end, out of the log that it left."""

from pathlib import Path

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
