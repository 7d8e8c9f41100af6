"""A load generator that costs little: raw requests over connections that stay open.

Runs as a process of its own, so that it takes no time from what it measures: a `Load` as JSON on
stdin, the outcome as JSON on stdout.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass
from typing import cast

import httptools
import uvloop
from typing_extensions import override

_PATIENCE = 5.0  # seconds for the last answers
_SEED = 5


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` 0 is the closed loop: each connection sends again as soon as it was answered.

    With a rate, requests leave at random times (a Poisson process), whatever the answers do.
    """

    port: int
    requests: list[str]
    """Whole requests in base64, sent in turn."""
    connections: int
    seconds: float
    rate: float = 0.0


class Generator:
    """Sends, and keeps what came of it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._raw = [b64decode(request) for request in load.requests]
        self._sent = 0
        self._idle: list[Connection] = []
        self._until = float("inf")
        self._random = random.Random(_SEED)
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.firsts: list[float] = []
        self.gaps: list[float] = []
        self.lateness: list[float] = []

    async def run(self) -> dict[str, object]:
        for _ in range(self._load.connections):
            await self._connect()
        began = time.perf_counter()
        self._until = began + self._load.seconds
        if self._load.rate:
            await self._at_rate(began)
        else:
            for connection in list(self._idle):
                connection.send(self._next())
            await asyncio.sleep(self._load.seconds)
        took = time.perf_counter() - began
        answered = len(self.seconds)
        await self._last_answers()
        return self._report(took, answered)

    def next_or_none(self) -> bytes | None:
        """The next request of a connection in the closed loop."""
        if self._load.rate or time.perf_counter() >= self._until:
            return None
        return self._next()

    def rest(self, connection: "Connection") -> None:
        self._idle.append(connection)

    async def _at_rate(self, began: float) -> None:
        due = began
        while due < self._until:
            due += self._random.expovariate(self._load.rate)
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            if not self._idle:
                await self._connect()
            self.lateness.append(time.perf_counter() - due)
            self._idle.pop().send(self._next())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._load.port)

    async def _last_answers(self) -> None:
        deadline = time.perf_counter() + _PATIENCE
        while self.statuses.total() < self._sent and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)

    def _next(self) -> bytes:
        self._sent += 1
        return self._raw[self._sent % len(self._raw)]

    def _report(self, took: float, answered: int) -> dict[str, object]:
        cuts = statistics.quantiles(self.seconds, n=100)
        report: dict[str, object] = {
            "requests_per_s": round(answered / took, 1),
            "p50_ms": round(cuts[49] * 1e3, 3),
            "p99_ms": round(cuts[98] * 1e3, 3),
            "unanswered": self._sent - self.statuses.total(),
            "statuses": {str(status): count for status, count in self.statuses.items()},
        }
        if self.gaps:
            report["first_p50_ms"] = round(statistics.median(self.firsts) * 1e3, 3)
            report["gap_p50_ms"] = round(statistics.median(self.gaps) * 1e3, 4)
        if self.lateness:
            late = statistics.quantiles(self.lateness, n=100)[98]
            report["sent_late_p99_ms"] = round(late * 1e3, 3)
        return report


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._sent_at = self._first_at = 0.0
        self._events = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._parser = httptools.HttpResponseParser(self)
        self._generator.rest(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def send(self, request: bytes) -> None:
        self._events = 0
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def on_body(self, part: bytes) -> None:
        if not self._events:
            self._first_at = time.perf_counter()
        self._events += part.count(b"data: ")

    def on_message_complete(self) -> None:
        generator, now = self._generator, time.perf_counter()
        generator.seconds.append(now - self._sent_at)
        if self._events > 1:
            generator.firsts.append(self._first_at - self._sent_at)
            generator.gaps.append((now - self._first_at) / (self._events - 1))
        generator.statuses[self._parser.get_status_code()] += 1
        following = generator.next_or_none()
        if following is None:
            generator.rest(self)
        else:
            self.send(following)


if __name__ == "__main__":
    load = Load(**json.load(sys.stdin))
    print(json.dumps(uvloop.run(Generator(load).run())))
