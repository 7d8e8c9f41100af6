"""A running S3 door, a client of it and a bucket; tests name this module in `pytest_plugins`."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.wire.s3_support import S3Server, running


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server) -> Iterator[Any]:
    client = s3_server.client()
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new bucket for each test."""
    name = f"bucket-{time.time_ns()}"
    s3.create_bucket(Bucket=name)
    return name
