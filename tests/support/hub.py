"""A small Hugging Face hub on 127.0.0.1: the two requests that a pull makes, over given files."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COMMIT = "a" * 40
REPOSITORY = "tiny/llama"


@contextmanager
def serve(files: Mapping[str, bytes], *, promised: Mapping[str, bytes] = {}) -> Iterator[str]:
    """Yields the address; files in `promised` are listed with the digests of those bytes."""

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._file(with_body=False)

        def do_GET(self) -> None:
            if self.path.startswith(f"/api/models/{REPOSITORY}"):
                listing = [_entry(name, promised.get(name, data)) for name, data in files.items()]
                body = {"id": REPOSITORY, "sha": COMMIT, "siblings": listing}
                self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
            else:
                self._file(with_body=True)

        def _file(self, *, with_body: bool) -> None:
            prefix = f"/{REPOSITORY}/resolve/{COMMIT}/"
            data = files.get(self.path.partition("?")[0].removeprefix(prefix))
            if data is None:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self._answer(200, data if with_body else b"", headers, length=len(data))

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str], length: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _entry(name: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
    if name.endswith(".safetensors"):
        digest = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 130}
    return entry
