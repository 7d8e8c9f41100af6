"""What a Qdrant server says of itself decides whether the index can be used."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kit.errors import Unavailable, Unsupported
from services.search.engines.index.qdrant import QdrantIndex

# The client would rather have TLS; the network between the containers has no way out.
pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
KEY = "the-key-of-this-test"


class Answering(BaseHTTPRequestHandler):
    version = "1.20.0"

    def do_GET(self) -> None:
        known = self.headers["api-key"] == KEY
        body = json.dumps({"title": "qdrant", "version": self.version}).encode()
        self.send_response(200 if known else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_server_that_is_away_is_unavailable() -> None:
    index = QdrantIndex("http://127.0.0.1:1", timeout_s=2)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await index.check()
    await index.close()


async def test_a_server_that_is_new_enough_is_taken(url: str) -> None:
    index = QdrantIndex(url, KEY)
    await index.check()
    await index.close()


async def test_an_older_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "version", "1.19.2")
    index = QdrantIndex(url, KEY)
    with pytest.raises(Unsupported, match=r"Qdrant 1\.19\.2"):
        await index.check()
    await index.close()
