"""A server as vLLM's are to the launcher: on a socket, with a child of its own.

`server.py SOCKET [stubborn|broken|talkative]`
"""

import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from socketserver import UnixStreamServer

from typing_extensions import override


class Answers(BaseHTTPRequestHandler):
    @override
    def address_string(self) -> str:
        return "a socket"

    def do_GET(self) -> None:
        said = b'{"data": [{"max_model_len": 60}]}' if self.path == "/v1/models" else b"ok"
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def main(socket: str, manner: str = "") -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if manner == "broken":
        sys.stdout.write(
            "(EngineCore pid=7) ERROR 11-21 12:06:28 [core.py:1512] ValueError: no such layer"
            + "\n"
        )
        sys.stdout.write(
            "(APIServer pid=5) RuntimeError: Engine core initialization failed." + "\n"
        )
        sys.exit(1)
    if manner == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if manner == "talkative":
        for _ in range(4000):
            sys.stdout.write("x" * 99 + "\n")
    time.sleep(0.1)
    UnixStreamServer(socket, Answers).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
