"""Streams of completions side by side, each asking again when it was answered, a given number of
times; a process of its own: a `Streams` as JSON on stdin, the outcome as JSON on stdout.

Every answer has the same number of tokens, so that tokens a second need nobody's count.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import cast

import httptools
import uvloop
from typing_extensions import override

_PROMPT_WORDS = 8
_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@dataclass(frozen=True, slots=True)
class Streams:
    """`models` are drawn by `weights` for each request, in the same order for the same seed."""

    port: int
    key: str
    models: list[str]
    weights: list[float]
    streams: int
    requests: int
    """Of each stream."""
    tokens: int
    seed: int = 0


@dataclass(slots=True)
class Times:
    firsts: list[float]
    gaps: list[float]


class Stream(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, bodies: list[bytes], head: bytes, times: Times, tokens: int) -> None:
        self._bodies, self._head, self._times, self._tokens = bodies, head, times, tokens
        self._sent = self._first = 0.0
        self._last = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._parser = httptools.HttpResponseParser(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed a stream"))

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def ask(self) -> None:
        if not self._bodies:
            self.done.set_result(None)
            return
        body = self._bodies.pop()
        self._sent, self._first = time.perf_counter(), 0.0
        self._transport.write(self._head % len(body) + body)

    def on_body(self, part: bytes) -> None:
        self._first = self._first or time.perf_counter()
        self._last = part

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() != 200:
            status = self._parser.get_status_code()
            said = self._last.decode(errors="replace")
            self.done.set_exception(RuntimeError(f"a stream was answered with {status}: {said}"))
            return
        now = time.perf_counter()
        self._times.firsts.append(self._first - self._sent)
        self._times.gaps.append((now - self._first) / max(1, self._tokens - 1))
        self.ask()


async def run(load: Streams) -> dict[str, float]:
    chance, times = random.Random(load.seed), Times([], [])
    head = (
        f"POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1:{load.port}\r\n"
        f"authorization: Bearer {load.key}\r\ncontent-type: application/json\r\n"
    ).encode() + b"content-length: %d\r\n\r\n"
    loop, streams = asyncio.get_running_loop(), list[Stream]()
    for _ in range(load.streams):
        bodies = [_body(load, chance) for _ in range(load.requests)]
        streams.append(Stream(bodies, head, times, load.tokens))
        await loop.create_connection(partial(_same, streams[-1]), "127.0.0.1", load.port)
    began = time.perf_counter()
    for stream in streams:
        stream.ask()
    await asyncio.gather(*(stream.done for stream in streams))
    took = time.perf_counter() - began
    tokens = load.streams * load.requests * load.tokens
    return {
        "tokens": tokens,
        "tokens_per_s": round(tokens / took, 2),
        "first_p50_ms": round(statistics.median(times.firsts) * 1e3, 2),
        "gap_p50_ms": round(statistics.median(times.gaps) * 1e3, 3),
        "seconds": round(took, 2),
    }


def _same(stream: Stream) -> Stream:
    return stream


def _body(load: Streams, chance: random.Random) -> bytes:
    (model,) = chance.choices(load.models, load.weights)
    prompt = " ".join(chance.choices(_WORDS, k=_PROMPT_WORDS))
    asked = {
        "model": model,
        "prompt": prompt,
        "max_tokens": load.tokens,
        "min_tokens": load.tokens,
        "ignore_eos": True,
        "stream": True,
    }
    return json.dumps(asked).encode()


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Streams(**json.load(sys.stdin))))))
