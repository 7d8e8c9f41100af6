"""What is kept of a real vLLM's tokens a second when requests name adapters: even traffic, and
skewed, where a few adapters get the most; and the even traffic once more without the platform, on
the same vLLM with the same adapters, which tells whose cost it is.

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


Rates = dict[str, dict[str, list[float]]]
"""Tokens a second of each round, by the kind of traffic and the number of adapters."""


def run() -> dict[str, Any]:
    shape = shape_of(TINY)
    with served(shape, adapters=MOST) as one:
        digests = register(one.platform.port, one.through.key, one.base, one.adapters)
        rates = _rates(one, digests)
    curves = {
        kind: {count: statistics.median(each) for count, each in found.items()}
        for kind, found in rates.items()
    }
    verdicts = [_told(kind, curves, shape) for kind in ("even", "skewed")]
    verdicts.append(_beside_direct(rates))
    return {"shape": shape, "curves": curves, "load": machine.load(), "verdicts": verdicts}


def _rates(one: Served, digests: dict[str, str]) -> Rates:
    rates: Rates = {}
    for number in range(ROUNDS):
        for count in (count for count in COUNTS if count <= len(digests)):
            for kind, target in _targets(one, digests, count).items():
                print(f"  adapters: {count}, {kind}, round {number + 1} of {ROUNDS}", flush=True)
                report = measure(target, STREAMS, seed=number)
                rates.setdefault(kind, {}).setdefault(str(count), []).append(report["tokens_per_s"])
    return rates


def _targets(one: Served, digests: dict[str, str], count: int) -> dict[str, Target]:
    """Skewed traffic is Zipf's. vLLM itself knows an adapter by its digest, once it was asked for
    through the platform."""
    port, key = one.through.port, one.through.key
    names, evenly = tuple(digests)[:count], (1.0,) * count
    return {
        "base": one.through,
        "even": Target(port, key, names, evenly),
        "skewed": Target(port, key, names, tuple(1 / (rank + 1) for rank in range(count))),
        "direct": Target(
            one.direct.port, one.direct.key, tuple(digests[name] for name in names), evenly
        ),
    }


def _told(kind: str, curves: dict[str, dict[str, float]], shape: dict[str, int]) -> Verdict:
    """No goal: what a user has to know, for the cost of adapters is the engine's."""
    kept = {n: 100 * rate / curves["base"][n] for n, rate in curves[kind].items()}
    rates = ", ".join(f"{rate:,.0f}" for rate in curves["base"].values())
    return {
        "goal": f"Tokens a second kept with adapters, {kind} traffic (no goal)",
        "measured": _shares(kept),
        "met": None,
        "reason": f"{STREAMS} streams on {shape['num_hidden_layers']} layers of "
        f"{shape['hidden_size']}, median of {ROUNDS}; the base {rates} tokens/s beside them",
    }


def _beside_direct(rates: Rates) -> Verdict:
    """No goal either: on a tiny model, the platform's work shares the cores with the engine's."""
    kept = {
        count: statistics.median(
            100 * through / direct
            for through, direct in zip(each, rates["direct"][count], strict=True)
        )
        for count, each in rates["even"].items()
    }
    return {
        "goal": "Tokens a second with adapters through the platform, of vLLM asked directly "
        "(no goal)",
        "measured": _shares(kept),
        "met": None,
        "reason": f"even traffic, {STREAMS} streams, median of {ROUNDS} pairs on one vLLM",
    }


def _shares(kept: dict[str, float]) -> str:
    return ", ".join(f"{share:.0f} % with {count}" for count, share in kept.items())


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
