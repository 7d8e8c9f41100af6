"""Tokens a second of a real vLLM through the platform, against the same server asked directly.

On random weights of the shape of a small Llama that people serve, for the engine's own work is what
a share is taken of; BENCH_SHAPE sets another. Rounds of both follow each other in turns, so that a
busy machine slows both alike.
"""

import json
import os
import statistics
from typing import Any

from benchmarks.support import machine
from benchmarks.support.goals import Goal, Verdict
from benchmarks.support.processes import cpu_seconds
from benchmarks.support.vllm import TOKENS, Served, measure, served, shape_of

SIDE_BY_SIDE = (1, 16, 64)
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SMALL = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
}
"""SmolLM2-135M's."""
KEPT = Goal("Tokens a second through the platform, of vLLM asked directly", "at least", 97, "%")


def run() -> dict[str, Any]:
    shape = shape_of(SMALL)
    with served(shape) as one:
        overhead = {str(streams): _side_by_side(one, streams) for streams in SIDE_BY_SIDE}
    verdicts = [_verdict(streams, found) for streams, found in overhead.items()]
    return {"shape": shape, "overhead": overhead, "load": machine.load(), "verdicts": verdicts}


def _side_by_side(one: Served, streams: int) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, float]]] = {"direct": [], "through": []}
    worked = []
    for number in range(ROUNDS + 1):
        print(f"  generation: {streams} streams, round {number} of {ROUNDS}", flush=True)
        direct = measure(one.direct, streams, seed=number)
        before = cpu_seconds(one.platform.process.pid)
        through = measure(one.through, streams, seed=number)
        if number:  # the first one warms connections, caches and code
            worked.append((cpu_seconds(one.platform.process.pid) - before) / through["tokens"])
            rounds["direct"].append(direct)
            rounds["through"].append(through)
    pairs = zip(rounds["direct"], rounds["through"], strict=True)
    kept = [100 * b["tokens_per_s"] / a["tokens_per_s"] for a, b in pairs]
    return {
        "kept_percent": round(statistics.median(kept), 2),
        "kept_percent_worst": round(min(kept), 2),
        "kept_percent_best": round(max(kept), 2),
        "platform_ms_per_token": round(statistics.median(worked) * 1e3, 3),
        "rounds": rounds,
    }


def _verdict(streams: str, found: dict[str, Any]) -> Verdict:
    rates = {
        name: statistics.median(report["tokens_per_s"] for report in reports)
        for name, reports in found["rounds"].items()
    }
    reason = (
        f"median of {ROUNDS} pairs, {found['kept_percent_worst']:.4g} to "
        f"{found['kept_percent_best']:.4g} %, answers of {TOKENS} tokens; {rates['direct']:,.0f} "
        f"tokens/s directly, {rates['through']:,.0f} through the platform, which takes "
        f"{found['platform_ms_per_token']:.2f} ms of a core for a token, requests included; vLLM, "
        f"the platform and the load share the machine's {os.cpu_count()} cores"
    )
    some = "1 stream" if streams == "1" else f"{streams} streams"
    goal = Goal(f"{KEPT.what}, {some}", KEPT.bound, KEPT.value, KEPT.unit)
    return goal.judge(found["kept_percent"], reason)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
