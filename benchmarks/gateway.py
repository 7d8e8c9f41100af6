"""The gateway on one core over an echo upstream, with auth, limits, usage and audit on.

Throughput is a closed loop; added latency an open loop at a fixed rate, less the upstream's own.
Upstream and load generator run on the other core. LiteLLM is measured beside it in the same rounds,
for what a core does depends on the core: its figures tell this machine from another.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.support import litellm, machine
from benchmarks.support.goals import Goal, Verdict
from benchmarks.support.load import Load
from benchmarks.support.platform import platform
from benchmarks.support.processes import ROOT, cpu_seconds, module, pinned, process
from benchmarks.support.requests import claude_requests, openai_requests

GATEWAY_CORE, OTHER_CORE = 0, 1
ROUNDS = 5
SECONDS = 4.0
CONNECTIONS = 16
RATE = 300.0
PEER_RATE = 50.0  # requests/s that LiteLLM can take on one core
STREAM_RATE = 4.0  # streams of some 40 tokens a second, which LiteLLM can take as well
MODEL = "echo"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
GOALS = {
    "openai": Goal("OpenAI path on one core", "at least", 1500, "requests/s"),
    "aws": Goal("AWS path on one core", "at least", 800, "requests/s"),
    "added": Goal("Added p50 at 300 requests/s, OpenAI path", "at most", 2, "ms"),
    "added_aws": Goal("Added p50 at 300 requests/s, AWS path", "at most", 2, "ms"),
    "times": Goal("OpenAI path, times LiteLLM's requests/s", "at least", 10.8, "times"),
    "first": Goal("Added time to the first token of a stream, p50", "at most", 3, "ms"),
    "gap": Goal("Added gap for each token of a stream, p50", "at most", 0.1, "ms"),
}
"""1,500 requests/s were set on a core on which LiteLLM does 139: 10.8 times as many."""


@dataclass
class Target:
    """Something to send requests to; `running` is the process whose time is counted."""

    port: int
    requests: list[str]
    running: subprocess.Popen[bytes]
    rate: float = RATE
    is_stream: bool = False
    is_peer: bool = False
    """A peer's errors are figures; ours, and the upstream's, end the benchmark."""
    closed: list[dict[str, Any]] = field(default_factory=list)
    open: list[dict[str, Any]] = field(default_factory=list)


def run() -> dict[str, Any]:
    """Figures by target, the machine's load, and verdicts."""
    with _targets() as targets:
        for target in targets.values():
            _measure(target, 0, seconds=1.5)  # connections, caches and code are warm after it
        loads = []
        for number in range(ROUNDS):
            print(f"  gateway: round {number + 1} of {ROUNDS}", flush=True)
            for target in targets.values():  # in turns, so that a busy machine slows all of them
                if not target.is_stream:
                    target.closed.append(_measure(target, 0))
                target.open.append(_measure(target, target.rate))
            loads.append(machine.load())
        whole = {name: t for name, t in targets.items() if not t.is_stream}
        figures = {name: _summary(target) for name, target in whole.items()}
        streams = {
            name: _stream_summary(target) for name, target in targets.items() if target.is_stream
        }
    for row in figures.values():
        row["added_p50_ms"] = round(row["p50_ms"] - figures["upstream"]["p50_ms"], 3)
        row["added_p50_best_ms"] = round(row["p50_best_ms"] - figures["upstream"]["p50_best_ms"], 3)
    for row in streams.values():
        for name in ("first_p50_ms", "gap_p50_ms"):
            row[f"added_{name}"] = round(row[name] - streams["upstream stream"][name], 4)
    return {
        "figures": figures,
        "streams": streams,
        "load": loads,
        "verdicts": _verdicts(figures, loads) + _stream_verdicts(streams),
    }


@contextmanager
def _targets() -> Iterator[dict[str, Target]]:
    folder = Path(tempfile.mkdtemp(prefix="bench-gateway-", dir=_disk()))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        echo = stack.enter_context(process(pinned(OTHER_CORE, module("benchmarks.support.echo"))))
        assert echo.stdout is not None
        port = int(echo.stdout.readline())
        upstream = f"http://127.0.0.1:{port}/v1"
        env = {"GENERATION_OPENAI_BASE_URL": upstream, "GENERATION_OPENAI_MODEL": MODEL}
        ours = stack.enter_context(platform(folder / "data", core=GATEWAY_CORE, env=env))
        bearer, access_key, secret = (
            ours.variables[name]
            for name in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        )
        chats = openai_requests(ours.port, bearer, MODEL)
        invocations = claude_requests(ours.port, access_key, secret, CLAUDE)
        targets = {
            "upstream": Target(port, openai_requests(port, "-", MODEL), echo),
            "openai": Target(ours.port, chats, ours.process),
            "aws": Target(ours.port, invocations, ours.process),
            "upstream stream": _streaming(port, "-", echo),
            "openai stream": _streaming(ours.port, bearer, ours.process),
        }
        if litellm.is_installed():
            peer, running = stack.enter_context(litellm.proxy(folder, upstream, GATEWAY_CORE))
            targets["litellm"] = Target(
                peer,
                openai_requests(peer, litellm.KEY, MODEL),
                running,
                PEER_RATE,
                is_peer=True,
            )
            targets["litellm stream"] = _streaming(peer, litellm.KEY, running, is_peer=True)
        yield targets


def _streaming(
    port: int, key: str, running: subprocess.Popen[bytes], *, is_peer: bool = False
) -> Target:
    requests = openai_requests(port, key, MODEL, stream=True)
    return Target(port, requests, running, STREAM_RATE, is_stream=True, is_peer=is_peer)


def _measure(target: Target, rate: float, seconds: float = SECONDS) -> dict[str, Any]:
    load = Load(target.port, target.requests, CONNECTIONS, seconds, rate)
    used, began = cpu_seconds(target.running.pid), time.monotonic()
    done = subprocess.run(
        pinned(OTHER_CORE, module("benchmarks.support.load")),
        input=json.dumps(asdict(load)).encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    # what is unanswered at the end is no error, but late
    if set(report["statuses"]) != {"200"} and not target.is_peer:
        raise RuntimeError(f"not every request went well: {report['statuses']}")
    used = cpu_seconds(target.running.pid) - used
    report["cpu_share"] = round(used / (time.monotonic() - began), 2)
    report["requests_per_cpu_s"] = round(report["statuses"]["200"] / max(used, 0.01), 1)
    return report


def _summary(target: Target) -> dict[str, Any]:
    rates = [report["requests_per_s"] for report in target.closed]
    halves = [report["p50_ms"] for report in target.open]
    return {
        "requests_per_s": statistics.median(rates),
        "requests_per_s_best": max(rates),
        "requests_per_s_worst": min(rates),
        "requests_per_cpu_s": statistics.median(r["requests_per_cpu_s"] for r in target.closed),
        "cpu_share": statistics.median(report["cpu_share"] for report in target.closed),
        "p50_ms": statistics.median(halves),
        "p50_best_ms": min(halves),
        "p99_ms": statistics.median(report["p99_ms"] for report in target.open),
        "rounds": {"closed": target.closed, "open": target.open},
    }


def _stream_summary(target: Target) -> dict[str, Any]:
    """The gap is a stream's mean; the upstream sends each token as soon as it can."""
    return {
        "first_p50_ms": statistics.median(report["first_p50_ms"] for report in target.open),
        "gap_p50_ms": statistics.median(report["gap_p50_ms"] for report in target.open),
        "rounds": {"open": target.open},
    }


def _verdicts(figures: dict[str, Any], loads: list[float]) -> list[Verdict]:
    busy = f"load average {min(loads)} to {max(loads)}"
    verdicts = []
    for name in ("openai", "aws"):
        row = figures[name]
        reason = (
            f"median of {ROUNDS}, {row['requests_per_s_worst']:,.0f} to "
            f"{row['requests_per_s_best']:,.0f}; {row['requests_per_cpu_s']:,.0f} for a second of "
            f"processor time, of which it got {row['cpu_share']:.0%}; {busy}{_peer(figures)}"
        )
        verdicts.append(GOALS[name].judge(row["requests_per_s"], reason))
    for name, goal in (("openai", "added"), ("aws", "added_aws")):
        row = figures[name]
        reason = (
            f"best round {row['added_p50_best_ms']:.2f} ms, whole p99 {row['p99_ms']:.1f} ms; "
            f"upstream alone {figures['upstream']['p50_ms']:.2f} ms"
        )
        if "litellm" in figures and name == "openai":
            reason += (
                f"; LiteLLM added {figures['litellm']['added_p50_ms']:,.1f} ms at {PEER_RATE:.0f}/s"
            )
        verdicts.append(GOALS[goal].judge(row["added_p50_ms"], reason))
    if "litellm" in figures:
        times = figures["openai"]["requests_per_s"] / figures["litellm"]["requests_per_s"]
        of_time = figures["openai"]["requests_per_cpu_s"] / figures["litellm"]["requests_per_cpu_s"]
        reason = (
            f"{of_time:.1f} times by processor time; 1,500 requests/s were set where LiteLLM does "
            "139, so this goal holds on any core"
        )
        verdicts.append(GOALS["times"].judge(times, reason))
    else:
        verdicts.append(GOALS["times"].not_measured(litellm.ABSENT))
    return verdicts


def _stream_verdicts(streams: dict[str, Any]) -> list[Verdict]:
    ours, peer = streams["openai stream"], streams.get("litellm stream")
    verdicts = []
    for goal in ("first", "gap"):
        name = f"{goal}_p50_ms"
        reason = (
            f"{STREAM_RATE:.0f} streams/s of some 40 tokens, sent as fast as they go; upstream "
            f"alone {streams['upstream stream'][name]:.3f} ms"
        )
        if peer is not None:
            reason += f"; LiteLLM added {peer[f'added_{name}']:,.2f} ms"
        verdicts.append(GOALS[goal].judge(ours[f"added_{name}"], reason))
    return verdicts


def _peer(figures: dict[str, Any]) -> str:
    if "litellm" not in figures:
        return f"; {litellm.ABSENT}"
    row = figures["litellm"]
    return (
        f"; LiteLLM {row['requests_per_s']:,.0f} ({row['requests_per_cpu_s']:,.0f} for a second of "
        "processor time), without usage and audit"
    )


def _disk() -> Path:
    """Not the system's temporary folder, which may live in memory."""
    folder = ROOT / ".undercroft"
    folder.mkdir(exist_ok=True)
    return folder


if __name__ == "__main__":
    report = run()
    for row in (*report["figures"].values(), *report["streams"].values()):
        del row["rounds"]
    print(json.dumps(report, indent=2))
