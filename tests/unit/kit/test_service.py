"""A service tells its caller of a failure in itself, and the log of where it arose."""

import logging

import pytest
from starlette.testclient import TestClient

from kit.auth.internal import InternalTrust
from kit.errors import Internal, InvalidRequest, NotFound
from kit.problems import problem_line
from kit.service import service_app
from kit.telemetry import TOKENS


def test_a_failure_of_a_service_is_logged_with_its_stack(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = service_app("service", trust=InternalTrust(b"k" * 32))

    @app.get("/broken")
    async def broken() -> None:
        raise Internal("The index failed.") from OSError("the cause")

    @app.get("/absent")
    async def absent() -> None:
        raise NotFound("There is none.")

    client = TestClient(app)
    with caplog.at_level(logging.ERROR):
        assert client.get("/absent").status_code == 404
        assert caplog.text == ""
        assert client.get("/broken").status_code == 500
    assert "the cause" in caplog.text
    assert "Traceback" in caplog.text


def test_half_a_surrogate_pair_in_a_message_is_told_written_out() -> None:
    app = service_app("service", trust=InternalTrust(b"k" * 32))
    error = InvalidRequest("no \ud800", param="\udfff")

    @app.get("/refused")
    async def refused() -> None:
        raise error

    reply = TestClient(app).get("/refused")
    assert reply.status_code == 400
    assert (reply.json()["detail"], reply.json()["param"]) == (r"no \ud800", r"\udfff")
    assert rb"no \\ud800" in problem_line(error)


def test_a_service_of_its_own_process_tells_what_only_it_counts() -> None:
    TOKENS.labels("some-model", "in").inc(0)
    reply = TestClient(service_app("service", trust=InternalTrust(b"k" * 32))).get("/metrics")
    assert reply.status_code == 200
    assert 'undercroft_tokens_total{direction="in",model="some-model"}' in reply.text
