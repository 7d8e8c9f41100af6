"""Big bodies stream: the gateway's memory does not grow with them."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

MOST_EXTRA_MIB = 64


def test_an_upload_of_a_quarter_gib_takes_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.s3_upload", "--gib", "0.25"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.partition("\n\n")[0])
    for way in ("put_object", "transfer_manager", "get_object"):
        assert results[way]["extra_rss_mib"] <= MOST_EXTRA_MIB, way
