"""The client suite of the embedded platform, run against another one."""

import subprocess
import sys
from pathlib import Path

from tests.support.platform import ROOT, Platform

SUITE = ("answers", "direct_documents", "first_steps", "ingestion", "models", "openai", "retrieve")
"""What a client of any platform sees; the others look into the embedded one's folder."""


def drive(platform: Platform, folder: Path) -> None:
    """Raises with what pytest said when a test of the suite fails."""
    files = [f"tests/wire/test_{name}.py" for name in SUITE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=platform.handed_over(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
