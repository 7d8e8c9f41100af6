"""The embedded index at 10,000 and 100,000 chunks, beside qdrant-client's own local mode."""

import asyncio
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.support import machine
from benchmarks.support.goals import Goal
from services.search.engines.index.qdrant import IN_MEMORY, QdrantIndex
from services.search.engines.index.qdrant_edge import QdrantEdgeIndex
from services.search.ports import CollectionSpec, Condition, Group, Index, IndexQuery, Point

DIMENSION = 384  # all-MiniLM-L6-v2's
WORDS = 60
VOCABULARY = 20_000
SEED = 7
GOALS = {
    size: Goal(f"Hybrid search with two filters at {size:,} chunks: p50", "at most", most, "ms")
    for size, most in ((10_000, 5), (100_000, 20))
}

LANGUAGE = Condition("equals", "language", "en")
YEAR = Condition("greaterThanOrEquals", "year", 2005.0)
TITLE = Condition("stringContains", "title", "report 7")


class Corpus:
    """Clustered vectors and Zipf-distributed words, the same for every engine of one size."""

    def __init__(self, size: int) -> None:
        random = np.random.default_rng(SEED)
        centres = random.normal(size=(200, DIMENSION)).astype(np.float32)
        self._near = centres[random.integers(0, 200, size)]
        self._near += 0.7 * random.normal(size=(size, DIMENSION)).astype(np.float32)
        self._words = np.minimum(random.zipf(1.2, size=(size, WORDS)), VOCABULARY)
        self._random = random
        self.size = size

    def points(self, start: int, stop: int) -> list[Point]:
        return [self._point(i) for i in range(start, min(stop, self.size))]

    def query(self, mode: str, where: Group | Condition | None) -> IndexQuery:
        near = self._near[self._random.integers(0, self.size)]
        noise = self._random.normal(size=DIMENSION).astype(np.float32)
        vector: NDArray[np.float32] = near + 0.7 * noise
        words = self._random.integers(20, 2000, 5)
        text = " ".join(f"word{word}" for word in words)
        assert mode in ("SEMANTIC", "HYBRID")
        return IndexQuery(vector, text, mode, 10, where)

    def _point(self, i: int) -> Point:
        return Point(
            id=str(UUID(int=i)),
            vector=self._near[i],
            text=" ".join(f"word{word}" for word in self._words[i]),
            document=f"doc{i // 20}",
            version=1,
            metadata={
                "language": ("en", "de", "fr")[i // 20 % 3],
                "year": float(1990 + i // 20 % 30),
                "title": f"report {i // 20}",
            },
        )


async def _ingest(index: Index, spec: CollectionSpec, corpus: Corpus) -> float:
    """Seconds for all points, in the batches that an ingestion job writes."""
    await index.create(spec)
    spent = 0.0
    for start in range(0, corpus.size, 500):
        points = corpus.points(start, start + 500)
        began = time.perf_counter()
        await index.upsert(spec, points)
        spent += time.perf_counter() - began
    return spent


async def _median_ms(
    index: Index, spec: CollectionSpec, ask: Callable[[], IndexQuery], n: int
) -> float:
    await index.search(spec, ask())
    spent = []
    for _ in range(n):
        query = ask()
        began = time.perf_counter()
        await index.search(spec, query)
        spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1e3


async def _measure(index: Index, engine: str, size: int, repeats: int) -> dict[str, object]:
    corpus = Corpus(size)
    spec = CollectionSpec(f"KB{size}", DIMENSION, "english", float(WORDS))
    before = _resident_mib()
    seconds = await _ingest(index, spec, corpus)
    two = Group("all", (LANGUAGE, YEAR))
    began = time.perf_counter()
    await index.search(spec, corpus.query("HYBRID", two))
    first = time.perf_counter() - began
    figures: dict[str, object] = {
        "engine": engine,
        "chunks": size,
        "ingest_chunks_per_s": round(size / seconds),
        "hybrid_two_filters_first_ms": round(first * 1e3, 1),
    }
    asked = {
        "semantic_p50_ms": ("SEMANTIC", None),
        "hybrid_p50_ms": ("HYBRID", None),
        "hybrid_two_filters_p50_ms": ("HYBRID", two),
        "hybrid_substring_p50_ms": ("HYBRID", TITLE),
    }
    for name, (mode, where) in asked.items():
        ask = lambda mode=mode, where=where: corpus.query(mode, where)  # noqa: E731
        figures[name] = round(await _median_ms(index, spec, ask, repeats), 2)
    figures["added_memory_mib"] = round(_resident_mib() - before)
    return figures


async def _edge(size: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        index = QdrantEdgeIndex(Path(folder))
        figures = await _measure(index, "undercroft, qdrant-edge", size, 100)
        await index.close()
        index = QdrantEdgeIndex(Path(folder))
        began = time.perf_counter()
        await index.count(f"KB{size}")
        figures["reopen_ms"] = round((time.perf_counter() - began) * 1e3)
        await index.close()
    return figures


async def _local_mode(size: int) -> dict[str, object]:
    index = QdrantIndex(IN_MEMORY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figures = await _measure(index, "qdrant-client local mode", size, 10)
    await index.close()
    return figures


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def _run() -> dict[str, object]:
    rows = [await _edge(size) for size in (2_000, 10_000, 100_000)]
    verdicts = [
        GOALS[row["chunks"]].judge(
            row["hybrid_two_filters_p50_ms"],
            f"embedded qdrant-edge; semantic alone {row['semantic_p50_ms']}; "
            f"load average {machine.load()}",
        )
        for row in rows
        if row["chunks"] in GOALS
    ]
    rows += [await _local_mode(size) for size in (2_000, 10_000)]
    return {"rows": rows, "verdicts": verdicts}


def run() -> dict[str, object]:
    """Rows of figures by engine and size, and verdicts."""
    return asyncio.run(_run())


if __name__ == "__main__":
    from rich.console import Console
    from rich.table import Table

    result = run()
    rows = result["rows"]
    table = Table("figure", *(f"{row['engine']}\n{row['chunks']:,}" for row in rows))
    for name in [key for key in rows[0] if key not in ("engine", "chunks")]:
        table.add_row(name, *(str(row.get(name, "-")) for row in rows))
    Console(width=140).print(table)
    print(json.dumps(result["verdicts"], indent=2))
