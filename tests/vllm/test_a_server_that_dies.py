"""The model server is killed in the middle of a stream: told as an error, booked, and mended."""

import os
import signal
import time
from pathlib import Path

import httpx
import openai
import pytest

from tests.support.platform import Platform
from tests.support.vllm import NAME, await_model


def servers(platform: Platform) -> list[int]:
    """The processes that run in the home of this platform's model servers."""
    home = str((platform.data / "generation" / "home").resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if os.readlink(entry / "cwd") == home and b"--served-model-name" in words:
                found.append((int(entry.name), words))
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return [pid for pid, words in found if b"-I" not in words]  # not the guard


def test_a_killed_server_breaks_the_stream_books_it_and_comes_back(
    vllm_platform: Platform,
) -> None:
    who = vllm_platform.keys("bereaved")
    client = vllm_platform.openai(who)
    stream = client.completions.create(model=NAME, prompt="Say hello", max_tokens=1500, stream=True)
    parts = iter(stream)
    for _ in range(5):
        next(parts)
    (server,) = servers(vllm_platform)
    os.kill(server, signal.SIGKILL)
    with pytest.raises(openai.APIError):
        list(parts)

    began = time.monotonic()
    with pytest.raises(openai.APIStatusError) as refused:
        client.completions.create(model=NAME, prompt="Say hello", max_tokens=1)
    assert refused.value.status_code == 503
    assert float(refused.value.response.headers["retry-after"]) > 0
    assert time.monotonic() - began < 5, "it must say so at once"

    await_model(vllm_platform)
    assert client.completions.create(model=NAME, prompt="Say hello", max_tokens=1).choices
    rows = httpx.get(
        f"{vllm_platform.url}/api/v1/usage", headers=vllm_platform.rest(who), timeout=30
    ).json()["items"]
    booked = [row for row in rows if row["model"] == f"local.{NAME}"]
    assert sum(row["tokens_out"] for row in booked) >= 5
    assert sum(row["tokens_in"] for row in booked) > 0
