"""What is kept of a real vLLM's tokens a second when requests name adapters: even traffic, and
skewed, where a few adapters get the most.

On a tiny model, for adapters are slow on processors. BENCH_SHAPE sets another,
BENCH_ADAPTERS bounds the adapters.
"""

import json
import os
import statistics
from typing import Any

from benchmarks.support import machine
from benchmarks.support.goals import Verdict
from benchmarks.support.registering import register
from benchmarks.support.vllm import Served, Target, measure, served, shape_of

COUNTS = (4, 16, 64)
STREAMS = 16
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MOST = int(os.environ.get("BENCH_ADAPTERS", str(max(COUNTS))))
TINY = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "vocab_size": 1024,
}


def run() -> dict[str, Any]:
    shape = shape_of(TINY)
    with served(shape, adapters=MOST) as one:
        names = register(one.platform.port, one.through.key, one.base, one.adapters)
        curves = _curves(one, names)
    verdicts = [_told(kind, curves, shape) for kind in ("even", "skewed")]
    return {"shape": shape, "curves": curves, "load": machine.load(), "verdicts": verdicts}


def _curves(one: Served, names: list[str]) -> dict[str, dict[str, float]]:
    """Tokens a second by the number of adapters: the base's, even, skewed."""
    port, key = one.through.port, one.through.key
    rates: dict[str, dict[str, list[float]]] = {"base": {}, "even": {}, "skewed": {}}
    for number in range(ROUNDS):
        for count in (count for count in COUNTS if count <= len(names)):
            some = tuple(names[:count])
            zipf = tuple(1 / (rank + 1) for rank in range(count))
            targets = {
                "base": one.through,
                "even": Target(port, key, some, (1.0,) * count),
                "skewed": Target(port, key, some, zipf),
            }
            for kind, target in targets.items():
                print(f"  adapters: {count}, {kind}, round {number + 1} of {ROUNDS}", flush=True)
                report = measure(target, STREAMS, seed=number)
                rates[kind].setdefault(str(count), []).append(report["tokens_per_s"])
    return {
        kind: {count: statistics.median(each) for count, each in found.items()}
        for kind, found in rates.items()
    }


def _told(kind: str, curves: dict[str, dict[str, float]], shape: dict[str, int]) -> Verdict:
    """No goal: what a user has to know, for the cost of adapters is the engine's."""
    kept = {n: 100 * rate / curves["base"][n] for n, rate in curves[kind].items()}
    told = ", ".join(f"{share:.0f} % with {n}" for n, share in kept.items())
    rates = ", ".join(f"{rate:,.0f}" for rate in curves["base"].values())
    return {
        "goal": f"Tokens a second kept with adapters, {kind} traffic (no goal)",
        "measured": told,
        "met": True,
        "reason": f"{STREAMS} streams on {shape['num_hidden_layers']} layers of "
        f"{shape['hidden_size']}; the base {rates} tokens/s beside them",
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
