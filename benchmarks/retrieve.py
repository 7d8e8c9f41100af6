"""`Retrieve` through boto3 over a knowledge base that the platform itself has built."""

import json
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support import knowledge, machine
from benchmarks.support.goals import Goal
from benchmarks.support.platform import platform
from benchmarks.support.processes import ROOT

DOCUMENTS = 500
QUESTIONS = 200
SEED = 9
GOAL = Goal("`Retrieve` through boto3, its embedding included: p50", "at most", 30, "ms")
FILTER = {"andAll": [{"equals": {"key": "town", "value": "town 3"}},
                     {"greaterThan": {"key": "year", "value": 2000}}]}  # fmt: skip


def run() -> dict[str, Any]:
    """Milliseconds of a call by kind of search; every question is another, so none is cached."""
    data = Path(tempfile.mkdtemp(prefix="bench-retrieve-", dir=ROOT / ".undercroft"))
    try:
        with platform(data) as running:
            print(f"  retrieve: syncing {DOCUMENTS} documents", flush=True)
            began = time.perf_counter()
            base = knowledge.fill(running, DOCUMENTS)
            synced = time.perf_counter() - began
            chunks = _chunks(data)
            client = knowledge.client(running, "bedrock-agent-runtime")
            print(f"  retrieve: asking {QUESTIONS} questions in 3 ways", flush=True)
            figures = {
                "semantic": _ask(client, base, {"overrideSearchType": "SEMANTIC"}),
                "hybrid": _ask(client, base, {"overrideSearchType": "HYBRID"}),
                "hybrid_filtered": _ask(
                    client, base, {"overrideSearchType": "HYBRID", "filter": FILTER}
                ),
            }
    finally:
        shutil.rmtree(data)
    hybrid = figures["hybrid_filtered"]
    reason = (
        f"{chunks:,} chunks, hybrid with two filters, one client; p99 {hybrid['p99_ms']:.0f}, best "
        f"tenth {hybrid['p10_ms']:.1f}; semantic p50 {figures['semantic']['p50_ms']:.1f}; "
        f"load average {machine.load()}"
    )
    return {
        "chunks": chunks,
        "chunks_synced_per_s": round(chunks / synced, 1),
        **figures,
        "verdicts": [GOAL.judge(hybrid["p50_ms"], reason)],
    }


def _ask(client: Any, base: str, search: dict[str, Any]) -> dict[str, float]:
    pick, spent = random.Random(SEED + len(search)), []
    for number in range(QUESTIONS + 10):
        text = f"{number}: {knowledge.sentence(pick)}"
        began = time.perf_counter()
        answer = client.retrieve(
            knowledgeBaseId=base,
            retrievalQuery={"text": text},
            retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": 10, **search}},
        )
        spent.append((time.perf_counter() - began) * 1e3)
        if not answer["retrievalResults"]:
            raise RuntimeError(f"nothing was found for {text!r}")
    cuts = statistics.quantiles(spent[10:], n=100)
    return {"p10_ms": round(cuts[9], 2), "p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}


def _chunks(data: Path) -> int:
    """Counted where the platform keeps them."""
    connection = sqlite3.connect(f"file:{data / 'undercroft.db'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM search_chunks").fetchone()[0])
    finally:
        connection.close()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
