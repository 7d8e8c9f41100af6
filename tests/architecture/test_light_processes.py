"""What a serving process never loads: it would cost seconds at the start and hundreds of MiB."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "onnx",
    "qdrant_client",
    "boto3",
    "celery",
)

STARTED = """
import asyncio, sys
from pathlib import Path
from starlette.testclient import TestClient
from undercroft.embedded import Embedded, Folder

platform = Embedded(Folder(Path(sys.argv[1])))
with TestClient(platform.app) as client:
    assert client.get("/readyz").status_code == 200
    print(*sorted(name for name in sys.modules if "." not in name))
"""
COMMAND_LINE = """
import sys
import undercroft.cli

print(*sorted(sys.modules))
"""


def test_the_started_platform_has_loaded_no_training_library_and_no_vendor_sdk(
    tmp_path: Path,
) -> None:
    loaded = _loaded(STARTED, str(tmp_path))

    assert "botocore" in loaded, "the list is not of the platform"
    assert not loaded & set(HEAVY)


def test_the_command_line_alone_loads_none_of_the_platform() -> None:
    loaded = _loaded(COMMAND_LINE)

    assert "undercroft.commands.up" in loaded
    assert not loaded & {"undercroft.embedded", "gateway.app", "botocore", "fastapi", "numpy"}


def _loaded(script: str, *arguments: str) -> set[str]:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())
