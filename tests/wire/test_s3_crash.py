"""A gateway that is killed in mid-upload: nothing is visible, nothing is lost, nothing is left."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from tests.wire.s3_support import ALICE, SECRET

_SERVER = """
import sys
from pathlib import Path
from tests.wire.s3_support import running
with running(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""
MIB = 1 << 20


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdout is not None
        client = boto3.client(
            "s3",
            endpoint_url=process.stdout.readline().strip(),
            aws_access_key_id=ALICE,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(signature_version="s3v4", retries={"max_attempts": 0}),
        )
        try:
            yield process, client
        finally:
            client.close()
            process.kill()


def wait_for_bytes(folder: Path) -> None:
    until = time.monotonic() + 20
    while not any(path.stat().st_size for path in folder.iterdir()):
        assert time.monotonic() < until, "the upload never reached the disk"
        time.sleep(0.02)


@pytest.mark.timeout(120)
def test_a_killed_upload_is_as_if_it_never_was(tmp_path: Path) -> None:
    incoming = tmp_path / "blobs" / "incoming"
    with gateway(tmp_path) as (process, s3):
        s3.create_bucket(Bucket="crash")
        s3.put_object(Bucket="crash", Key="k", Body=b"before")
        url = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": "crash", "Key": "k"}))
        connection = http.client.HTTPConnection(url.netloc)
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        connection.putheader("Content-Length", str(20 * MIB))
        connection.endheaders()
        connection.send(b"x" * (10 * MIB))
        wait_for_bytes(incoming)
        process.kill()
        process.wait()
        connection.close()
        assert list(incoming.iterdir()) != []
    with gateway(tmp_path) as (_, s3):
        assert s3.get_object(Bucket="crash", Key="k")["Body"].read() == b"before"
        assert list(incoming.iterdir()) == []
        s3.put_object(Bucket="crash", Key="k", Body=b"after")
        assert s3.get_object(Bucket="crash", Key="k")["Body"].read() == b"after"
