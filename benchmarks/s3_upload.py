"""Uploads through boto3 to a gateway process: speed, and how much memory the process grows by."""

import argparse
import io
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from benchmarks.support import machine
from benchmarks.support.goals import Goal
from tests.wire.s3_support import client_of, spawn

GIB, MIB = 1 << 30, 1 << 20
GOAL = Goal("Extra memory of a large upload to S3", "at most", 64, "MiB")


class Pattern(io.RawIOBase):
    """A file of any size that is held nowhere: one block over and over."""

    def __init__(self, size: int) -> None:
        self._size, self._at, self._block = size, 0, os.urandom(MIB)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        start = self._at % MIB
        count = min(len(buffer), self._size - self._at, MIB - start)
        buffer[:count] = self._block[start : start + count]
        self._at += count
        return count


class Memory:
    """Samples a process's resident memory, in MiB, while something runs."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")

    def now(self) -> float:
        found = re.search(r"VmRSS:\s+(\d+) kB", self._status.read_text())
        return int(found[1]) / 1024 if found else 0.0

    def growth_while(self, work: Callable[[], Any]) -> float:
        before = peak = self.now()
        done = threading.Event()

        def sample() -> None:
            nonlocal peak
            while not done.wait(0.02):
                peak = max(peak, self.now())

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            work()
        finally:
            done.set()
            sampler.join()
        return peak - before


def measure(size: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="undercroft-s3-"))
    if shutil.disk_usage(folder).free < 3 * size:
        size = GIB
    server, url = spawn(folder)
    assert server.stdin is not None
    try:
        client = client_of(url, config={"read_timeout": 600})
        memory = Memory(server.pid)
        return {
            "size_mib": size // MIB,
            **_runs(client, memory, size),
        }
    finally:
        server.stdin.close()
        server.wait(30)
        shutil.rmtree(folder)


def _runs(client: Any, memory: Memory, size: int) -> dict[str, Any]:
    client.create_bucket(Bucket="bench")
    for number in range(20):  # what every process pays once is not the upload's
        client.put_object(Bucket="bench", Key=f"warm{number}", Body=b"x" * MIB)
    parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    works: dict[str, Callable[[], Any]] = {
        "put_object": lambda: client.put_object(Bucket="bench", Key="whole", Body=_file(size)),
        "transfer_manager": lambda: client.upload_fileobj(
            _file(size), "bench", "parts", Config=parts
        ),
        "get_object": lambda: _drain(client.get_object(Bucket="bench", Key="whole")["Body"]),
    }
    results: dict[str, Any] = {}
    for name, work in works.items():
        began = time.perf_counter()
        growth = memory.growth_while(work)
        seconds = time.perf_counter() - began
        results[name] = {
            "extra_rss_mib": round(growth, 1),
            "mib_per_s": round(size / MIB / seconds, 1),
        }
        client.head_object(Bucket="bench", Key="whole")
    return results


def _file(size: int) -> io.BufferedReader:
    return io.BufferedReader(Pattern(size), MIB)


def _drain(body: Any) -> None:
    while body.read(MIB):
        pass


def run() -> dict[str, Any]:
    """One GiB: what a larger one would take more would show in it, and it spares the disk."""
    results = measure(GIB)
    ways = ("put_object", "transfer_manager")
    grown = {way: results[way]["extra_rss_mib"] for way in ways}
    reason = (
        f"1 GiB through boto3: {grown['put_object']} MiB for one PutObject, "
        f"{grown['transfer_manager']} for its transfer manager; "
        f"{results['put_object']['mib_per_s']:.0f} MiB/s; load average {machine.load()}"
    )
    return {**results, "verdicts": [GOAL.judge(max(grown.values()), reason)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=5.0)
    results = measure(int(parser.parse_args().gib * GIB))
    print(json.dumps(results, indent=2))
    print(f"\n| {results['size_mib']} MiB | extra RSS MiB | MiB/s |\n|---|---|---|")
    for name, row in results.items():
        if isinstance(row, dict):
            print(f"| {name} | {row['extra_rss_mib']} | {row['mib_per_s']} |")


if __name__ == "__main__":
    main()
