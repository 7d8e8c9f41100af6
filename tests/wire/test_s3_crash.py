"""A gateway that is killed in mid-upload: nothing is visible, nothing is lost, nothing is left."""

import http.client
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.wire.s3_support import client_of, spawn

MIB = 1 << 20


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    process, url = spawn(folder)
    with process:
        client = client_of(url, config={"signature_version": "s3v4"})
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
