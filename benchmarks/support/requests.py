"""Whole HTTP requests in bytes, signed beforehand, so that sending them costs nothing."""

import json
from base64 import b64encode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_DIFFERENT = 64
_TEXT = "a gateway takes a request checks who sent it counts it and passes it on"
_WORDS = _TEXT.split()


def openai_requests(port: int, key: str, model: str, *, stream: bool = False) -> list[str]:
    """Chat completions, each with another text, in base64."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    asked = {"model": model, "max_tokens": 64, "stream": stream}
    bodies = ({**asked, "messages": _messages(i)} for i in range(_DIFFERENT))
    return [_raw(port, "/v1/chat/completions", headers, _json(body)) for body in bodies]


def claude_requests(port: int, access_key: str, secret: str, model: str) -> list[str]:
    """InvokeModel with Claude's messages, signed now: good for a quarter of an hour."""
    signer = SigV4Auth(Credentials(access_key, secret), "bedrock", "us-east-1")
    made = []
    for i in range(_DIFFERENT):
        body = _json(
            {
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 64,
                "messages": _messages(i),
            }
        )
        path = f"/model/{model}/invoke"
        request = AWSRequest("POST", f"http://127.0.0.1:{port}{path}", data=body)
        request.headers["content-type"] = "application/json"
        signer.add_auth(request)
        made.append(_raw(port, path, dict(request.headers.items()), body))
    return made


def _messages(i: int) -> list[dict[str, str]]:
    words = [_WORDS[(i + j) % len(_WORDS)] for j in range(40)]
    return [{"role": "user", "content": f"{i}: {' '.join(words)}"}]


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _raw(port: int, path: str, headers: dict[str, str], body: bytes) -> str:
    lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return b64encode("\r\n".join(lines).encode() + b"\r\n\r\n" + body).decode()
