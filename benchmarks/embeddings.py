"""The onnx engine beside sentence-transformers on torch: same model, threads and texts."""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support import machine
from benchmarks.support.goals import Goal
from services.search.engines.embeddings.onnx import OnnxEmbedder
from services.search.engines.embeddings.preparation import ensure_exported
from services.search.engines.embeddings.sentence_transformers import SentenceTransformersEmbedder
from services.search.engines.embeddings.sources import DEFAULT_MODEL
from services.search.ports import Embedder, Vectors

CACHE = Path(".undercroft/models")
DATA = Path(__file__).parent / "data" / "retrieval.json"
ROUNDS = 5
SEED = 11
SHAPES = {  # name: texts of a call, fewest and most words of a text
    "mixed": (192, 8, 128),
    "short": (192, 8, 16),
    "long": (64, 100, 128),
    "one of 128 words": (1, 128, 128),
    "one query": (1, 8, 8),
}
GOALS = {
    "speedup": Goal("Embedding, times sentence-transformers on torch", "at least", 2.5, "times"),
    "cosine": Goal("Mean cosine of int8 to fp32", "at least", 0.99, ""),
    "ndcg_loss": Goal("Loss of nDCG@10 by int8 on the labelled set", "at most", 0.01, ""),
}

_CHILD = """
import asyncio, json, sys, time
from pathlib import Path
began = time.perf_counter()
from services.search.engines.embeddings.onnx import OnnxEmbedder
imported = time.perf_counter()
embedder = OnnxEmbedder(Path(sys.argv[1]))
loaded = time.perf_counter()
asyncio.run(embedder.embed(["word " * (7 * i % 250) for i in range(64)]))
status = Path("/proc/self/status").read_text()
rss = int(status.split("VmRSS:")[1].split()[0]) // 1024
print(json.dumps({"import_s": imported - began, "load_s": loaded - imported, "rss_mib": rss,
                  "torch_loaded": "torch" in sys.modules}))
"""


def run() -> dict[str, Any]:
    return asyncio.run(_run())


async def _run() -> dict[str, Any]:
    threads = len(os.sched_getaffinity(0))
    folders = {
        "int8": await ensure_exported(DEFAULT_MODEL, cache=CACHE, precision="int8"),
        "fp32": await ensure_exported(DEFAULT_MODEL, cache=CACHE, precision="fp32"),
    }
    engines: dict[str, Embedder] = {
        "torch": SentenceTransformersEmbedder(DEFAULT_MODEL, threads=threads),
        **{name: OnnxEmbedder(path, threads=threads) for name, path in folders.items()},
    }
    data = json.loads(DATA.read_text(encoding="utf-8"))
    words = " ".join(passage["text"] for passage in data["passages"]).split()
    shapes = {name: await _speed(engines, _texts(words, *shape)) for name, shape in SHAPES.items()}
    quality = await _quality(engines, data, _texts(words, 256, 8, 128))
    for engine in engines.values():
        await engine.close()
    return {
        "model": DEFAULT_MODEL,
        "threads": threads,
        "shapes": shapes,
        "quality": quality,
        "process": _process(folders["int8"]),
        "verdicts": [
            GOALS["speedup"].judge(shapes["mixed"]["int8"]["speedup"], _how(shapes, threads)),
            GOALS["cosine"].judge(quality["int8"]["cosine"]),
            GOALS["ndcg_loss"].judge(
                quality["int8"]["ndcg_loss"], f"fp32 reaches {quality['torch']['ndcg_at_10']}"
            ),
        ],
    }


def _how(shapes: dict[str, Any], threads: int) -> str:
    mixed = shapes["mixed"]
    return (
        f"8 to 128 words a text, {threads} threads each, median of {ROUNDS} rounds in turns; "
        f"{mixed['int8']['texts_per_s']:,} texts/s beside {mixed['torch']['texts_per_s']:,}; "
        f"{mixed['int8']['cpu_speedup']} times by processor time; load average {machine.load()}"
    )


def _texts(words: Sequence[str], count: int, fewest: int, most: int) -> list[str]:
    pick = random.Random(SEED)
    made = []
    for _ in range(count):
        start, length = pick.randrange(len(words)), pick.randint(fewest, most)
        made.append(" ".join(words[(start + i) % len(words)] for i in range(length)))
    return made


async def _speed(engines: dict[str, Embedder], texts: list[str]) -> dict[str, Any]:
    """The engines take turns within a round, so that a busy machine slows all of them."""
    rounds = ROUNDS if len(texts) > 1 else 30 * ROUNDS
    wall: dict[str, list[float]] = {name: [] for name in engines}
    cpu: dict[str, list[float]] = {name: [] for name in engines}
    for engine in engines.values():
        await engine.embed(texts[:8])
    for _ in range(rounds):
        for name, engine in engines.items():
            spent, used = await _timed(lambda engine=engine: engine.embed(texts))  # type: ignore[misc]
            wall[name].append(spent)
            cpu[name].append(used)
    return {
        name: {
            "ms": round(1000 * statistics.median(wall[name]), 2),
            "texts_per_s": round(len(texts) / statistics.median(wall[name]), 1),
            "speedup": _ratio(wall["torch"], wall[name]),
            "cpu_speedup": _ratio(cpu["torch"], cpu[name]),
        }
        for name in engines
    }


def _ratio(peer: list[float], ours: list[float]) -> float:
    """The median over rounds of the ratio within a round: load on the machine cancels out."""
    return round(statistics.median(p / o for p, o in zip(peer, ours, strict=True)), 2)


async def _timed(call: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    await call()
    return time.perf_counter() - began, time.process_time() - used


async def _quality(
    engines: dict[str, Embedder], data: dict[str, Any], texts: list[str]
) -> dict[str, Any]:
    truth = (await engines["torch"].embed(texts)).vectors
    report: dict[str, Any] = {}
    for name, engine in engines.items():
        cosines = ((await engine.embed(texts)).vectors * truth).sum(axis=1)
        report[name] = {
            "cosine": round(float(cosines.mean()), 5),
            "least_cosine": round(float(cosines.min()), 5),
            "ndcg_at_10": round(await _ndcg(engine, data), 4),
        }
    for found in report.values():
        found["ndcg_loss"] = round(report["torch"]["ndcg_at_10"] - found["ndcg_at_10"], 4)
    return report


async def _ndcg(engine: Embedder, data: dict[str, Any]) -> float:
    passages = (await engine.embed([passage["text"] for passage in data["passages"]])).vectors
    asked = [query["text"] for query in data["queries"]]
    queries: Vectors = (await engine.embed(asked, kind="query")).vectors
    ids = [passage["id"] for passage in data["passages"]]
    order = np.argsort(-(queries @ passages.T), axis=1)[:, :10]
    return statistics.fmean(
        _gain([query["relevant"].get(ids[i], 0) for i in found]) / _gain(_ideal(query))
        for query, found in zip(data["queries"], order, strict=True)
    )


def _ideal(query: dict[str, Any]) -> list[int]:
    return sorted(query["relevant"].values(), reverse=True)[:10]


def _gain(grades: Sequence[int]) -> float:
    return float(sum((2**grade - 1) / np.log2(rank + 2) for rank, grade in enumerate(grades)))


def _process(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHILD, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main() -> None:
    report = run()
    print(f"{report['model']}, {report['threads']} threads, median of {ROUNDS} rounds")
    print(f"{'texts':18} {'engine':6} {'ms':>9} {'texts/s':>9} {'x torch':>8} {'x CPU':>6}")
    for shape, engines in report["shapes"].items():
        for name, row in engines.items():
            print(
                f"{shape:18} {name:6} {row['ms']:9.1f} {row['texts_per_s']:9.1f} "
                f"{row['speedup']:8.2f} {row['cpu_speedup']:6.2f}"
            )
    for name, row in report["quality"].items():
        print(f"{name:6} {row}")
    print(report["process"])
    for verdict in report["verdicts"]:
        print(verdict)


if __name__ == "__main__":
    main()
