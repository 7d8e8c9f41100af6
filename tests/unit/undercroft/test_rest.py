"""Which platform the commands ask, and what they say of one that does not answer."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner
from typing_extensions import override

from kit.errors import Unavailable
from tests.support.tls import tls_front
from tests.wire.s3_support import certificate_file
from undercroft.cli import app
from undercroft.client_env import write_client_env
from undercroft.commands.common import DEFAULT_DATA
from undercroft.rest import reach


class Jobs(BaseHTTPRequestHandler):
    """One job, which has ended, for whoever brings the key `uk-far`."""

    def do_GET(self) -> None:
        assert self.headers["authorization"] == "Bearer uk-far"
        stream = self.path.endswith("/events")
        ended = json.dumps({"event": "succeeded", "data": {}})
        said = f"data: {ended}\n\n" if stream else json.dumps({"items": []})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if stream else "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    @override
    def log_message(self, *_: object) -> None:
        pass


Serve = Callable[[], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server and names its address."""
    running: list[HTTPServer] = []

    def start() -> str:
        server = HTTPServer(("127.0.0.1", 0), Jobs)
        running.append(server)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Names a platform in the environment, in a folder that has none."""
    monkeypatch.chdir(tmp_path)

    def name(url: str) -> None:
        monkeypatch.setenv("UNDERCROFT_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "uk-far")

    return name


def told(*command: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, list(command))
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    return answer.exit_code, answer.output


def test_a_platform_of_the_environment_is_asked(serve: Serve, around: Callable[[str], None]):
    around(serve() + "/")
    assert told("jobs", "list")[0] == 0
    status, output = told("jobs", "watch", "one")
    assert (status, "succeeded" in output) == (0, True)


def test_a_named_folder_wins_over_the_environment_which_wins_over_the_default(
    around: Callable[[str], None], tmp_path: Path
):
    near = {"OPENAI_API_KEY": "uk-near"}
    for folder in (tmp_path / DEFAULT_DATA, tmp_path / "named"):
        folder.mkdir()
        write_client_env(folder / "client.env", "http://near", near)
    assert reach(DEFAULT_DATA)[0] == "http://near"
    around("http://far")
    assert reach(DEFAULT_DATA) == ("http://far", {"authorization": "Bearer uk-far"})
    assert reach(tmp_path / "named") == ("http://near", {"authorization": "Bearer uk-near"})


def test_half_an_environment_names_no_platform(
    around: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    around("http://far")
    monkeypatch.delenv("UNDERCROFT_URL")
    with pytest.raises(Unavailable, match=r"There is no platform in .undercroft: .*UNDERCROFT_URL"):
        reach(DEFAULT_DATA)


@pytest.mark.parametrize("command", [("list",), ("watch", "one")])
def test_what_does_not_answer_is_told_in_one_line(
    command: tuple[str, ...], serve: Serve, around: Callable[[str], None]
):
    for url, reason in [
        ("http://127.0.0.1:9", "http://127.0.0.1:9 does not answer"),
        ("nowhere", "UNDERCROFT_URL is not a URL: nowhere"),
        (serve().replace("http:", "https:"), "does not speak https"),
    ]:
        around(url)
        status, output = told("jobs", *command)
        assert (status, reason in output) == (1, True), output


@pytest.mark.parametrize("command", [("list",), ("watch", "one")])
def test_a_certificate_of_one_s_own_is_told_and_how_to_trust_it(
    command: tuple[str, ...], serve: Serve, around: Callable[[str], None], tmp_path: Path
):
    with tls_front(serve(), certificate_file(tmp_path)) as url:
        around(url)
        status, output = told("jobs", *command)
    assert (status, "is not trusted: self-signed certificate" in output) == (1, True), output
    assert "SSL_CERT_FILE" in output


def test_the_words_of_an_error_are_no_markup(around: Callable[[str], None]):
    around("http://[extra]")
    assert "[extra]" in told("jobs", "list")[1]
