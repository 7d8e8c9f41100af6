"""Mirrors the post on LMI containers: streams with the probability of each token.

How sure the model was of its text, from `log_prob` of its tokens; and a long text in several
requests, each going on where the last stopped, until `finish_reason` is no longer `length`.

    source .undercroft/client.env
    .venv/bin/python examples/generation_details.py --model mistralai/Mixtral-8x7B-v0.1
"""

import io
import json
from collections.abc import Iterable, Iterator
from math import exp
from statistics import mean
from typing import Any

from hosting import chosen_model, console, endpoint, hosted_model, runtime

PROMPT = "Write a brief paragraph about the benefits of exercising regularly."
AT_ONCE = 24  # tokens of one request
MOST_REQUESTS = 4


class LineIterator:
    """Lines of a stream whose parts may end within a line: the post's own class."""

    def __init__(self, stream: Iterable[dict[str, Any]]) -> None:
        self._parts = iter(stream)
        self._buffer = io.BytesIO()
        self._read = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            self._buffer.seek(self._read)
            line = self._buffer.readline()
            if line.endswith(b"\n"):
                self._read += len(line)
                return line[:-1]
            part = next(self._parts)
            self._buffer.seek(0, io.SEEK_END)
            self._buffer.write(part["PayloadPart"]["Bytes"])


def main() -> None:
    model = chosen_model("mistralai/Mixtral-8x7B-v0.1")
    environment = {"OPTION_MODEL_ID": model, "OPTION_ROLLING_BATCH": "auto"}
    with hosted_model("mixtral-lmi", environment) as hosted, endpoint("mixtral", hosted) as name:
        show_confidence(name)
        show_chain(name)


def show_confidence(endpoint_name: str) -> None:
    console.rule("How sure it was")
    log_probs, text = [], ""
    for line in lines(endpoint_name, PROMPT):
        if line["token"]["text"] is not None:
            log_probs.append(line["token"]["log_prob"])
        else:  # the last line has no token, and the whole text
            text = line["generated_text"]
    console.print(text)
    console.print(f"{len(log_probs)} tokens, confidence {exp(mean(log_probs)):.3f}")


def show_chain(endpoint_name: str) -> None:
    console.rule("In several requests")
    text, finish_reason, tokens, requests = PROMPT, "length", 0, 0
    while finish_reason == "length" and requests < MOST_REQUESTS:
        for line in lines(endpoint_name, text):
            if line["token"]["text"] is not None:
                text += line["token"]["text"]
                tokens += 1
            else:
                finish_reason = line["details"]["finish_reason"]
        requests += 1
    console.print(text.removeprefix(PROMPT))
    console.print(f"{tokens} tokens in {requests} requests; it ended with {finish_reason}")


def lines(endpoint_name: str, prompt: str) -> Iterator[dict[str, Any]]:
    parameters = {"max_new_tokens": AT_ONCE, "details": True}
    answered = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint_name,
        ContentType="application/json",
        Body=json.dumps({"inputs": prompt, "parameters": parameters}),
    )
    for line in LineIterator(answered["Body"]):
        if line.strip():
            yield json.loads(line)


if __name__ == "__main__":
    main()
