"""Brings a folder of adapters to a platform over REST, as one archive."""

import io
import json
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import Any

_PATIENCE = 600.0


def register(port: int, key: str, base: str, folder: Path) -> dict[str, str]:
    """The digests of the adapters by their names, all ready; each is named after its folder."""
    digests = {}
    for name in sorted((path.name for path in folder.iterdir()), key=int):
        made = _ask(port, key, "POST", f"/upload?name=a{name}&base={base}", _archive(folder / name))
        _await(port, key, made["digest"])
        digests[f"a{name}"] = made["digest"]
    return digests


def _archive(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for file in sorted(folder.glob("adapter_*")):
            tar.add(file, file.name)
    return packed.getvalue()


def _await(port: int, key: str, digest: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = _ask(port, key, "GET", f"/{digest}")
        if found["state"] == "ready":
            return
        if found["state"] == "refused":
            raise RuntimeError(f"an adapter was refused: {found['reasons']}")
        time.sleep(0.2)
    raise RuntimeError("an adapter was not ready in time")


def _ask(port: int, key: str, method: str, path: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/adapters{path}",
        data=body,
        method=method,
        headers={"authorization": f"Bearer {key}", "content-type": "application/gzip"},
    )
    with urllib.request.urlopen(request, timeout=60) as answered:
        return json.load(answered)
