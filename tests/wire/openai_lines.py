"""Lines of batches as OpenAI's clients write them, and what comes of them."""

import json
import time
from typing import Any

import openai
from openai.types import Batch

from tests.contract.capable_server import MODEL

CHAT = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")


def line(name: str, body: dict[str, Any], url: str = CHAT) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


def chat(name: str, text: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return line(name, {"model": MODEL, "messages": messages, **more})


def start(client: openai.OpenAI, lines: list[Any], endpoint: Any = CHAT, **more: Any) -> Batch:
    """Uploads the lines, which are objects or texts, and starts a batch of them."""
    body = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    file = client.files.create(file=("in.jsonl", body.encode()), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more
    )


def ended(client: openai.OpenAI, batch: Batch, patience: float = 30) -> Batch:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        batch = client.batches.retrieve(batch.id)
        if batch.status in ENDED:
            return batch
        time.sleep(0.05)
    raise AssertionError(f"the batch did not end: {batch}")


def answered(client: openai.OpenAI, batch: Batch, lines: int, patience: float = 30) -> None:
    """Waits until so many lines have their answer."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        counts = client.batches.retrieve(batch.id).request_counts
        if counts is not None and counts.completed >= lines:
            return
        time.sleep(0.02)
    raise AssertionError(f"{lines} lines were not answered in time")


def rows(client: openai.OpenAI, file: str | None) -> list[Any]:
    """The lines of an output."""
    assert file is not None
    return [json.loads(one) for one in client.files.content(file).text.splitlines()]
