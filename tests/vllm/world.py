"""One tenant with many adapters on one real vLLM, and what PEFT says that each must answer."""

import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from tests.support.adapters import add_adapters
from tests.support.platform import Credentials, Platform
from tests.support.vllm import NAME, Tiny

TOKENS = 12
OWN = ("es", "fr", "de", "it")
EXTRA = tuple(f"extra-{i}" for i in range(1, 4))
"""More than fit into a batch at once, so that adapters are evicted and come back."""
PROMPTS = (
    "Say hello",
    "Ask a question and you will get",
    # Longer than two blocks of the cache, so that a prefix is there to be shared.
    "The undercroft lies below the church and holds it up. " * 24,
)


@dataclass(frozen=True)
class World:
    """`expected[name][i]` is PEFT's greedy continuation of PROMPTS[i]; "" is the base."""

    platform: Platform
    tiny: Tiny
    owner: Credentials
    expected: dict[str, list[str]]
    digests: dict[str, str]

    def complete(
        self, adapter: str, prompt: int, *, tokens: int = TOKENS, who: Credentials | None = None
    ) -> str:
        client = self.platform.openai(who or self.owner)
        answer = client.completions.create(
            model=adapter or NAME, prompt=PROMPTS[prompt], max_tokens=tokens, temperature=0
        )
        return answer.choices[0].text

    def together(self, asked: Sequence[tuple[str, int]]) -> list[str]:
        """All at once, so that they share batches."""
        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(lambda one: self.complete(*one), asked))

    def point(self, name: str, digest: str) -> None:
        """Moves a name of the owner's to another adapter."""
        place = f"{self.platform.url}/api/v1/adapters/aliases/{name}"
        headers = self.platform.rest(self.owner)
        httpx.put(place, json={"digest": digest}, headers=headers).raise_for_status()

    def expect(self, asked: Sequence[tuple[str, int]]) -> list[str]:
        return [self.expected[adapter][prompt] for adapter, prompt in asked]


@pytest.fixture(scope="session")
def world(vllm_platform: Platform, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> World:
    wider = Tiny(tmp_path_factory.mktemp("adapters"))
    _with_more(tiny, wider.folder)
    owner = vllm_platform.keys("many-adapters")
    added = add_adapters(vllm_platform, owner, NAME, wider.adapters)
    digests = {name: one["digest"] for name, one in added.items()}
    return World(vllm_platform, wider, owner, expected(wider), digests)


def expected(tiny: Tiny, tokens: int = TOKENS) -> dict[str, list[str]]:
    tokenizer = Tokenizer.from_file(str(tiny.model / "tokenizer.json"))
    prompts = [tokenizer.encode(text).ids for text in PROMPTS]
    oracle = tiny.oracle(prompts, tokens)
    return {name: [tokenizer.decode(ids) for ids in rows] for name, rows in oracle.items()}


def _with_more(tiny: Tiny, folder: Path) -> None:
    """The same model and adapters, and as many again whose weights differ."""
    (folder / "model").symlink_to(tiny.model)
    shutil.copytree(tiny.folder / "adapters", folder / "adapters")
    for seed, name in enumerate(EXTRA, start=100):
        write_variant(tiny.adapters["es"], folder / "adapters" / name, seed)


def write_variant(original: Path, folder: Path, seed: int, *, std: float = 0.3) -> None:
    """The adapter with other weights of the same shapes."""
    folder.mkdir()
    shutil.copy(original / "adapter_config.json", folder)
    random = np.random.default_rng(seed)
    tensors = load_file(original / "adapter_model.safetensors")
    for name, tensor in tensors.items():
        if "lora_B" in name:
            drawn = random.normal(scale=std, size=tensor.shape)
            tensors[name] = drawn.astype(tensor.dtype)
    save_file(tensors, folder / "adapter_model.safetensors")


def rewritten(folder: Path, **changes: object) -> bytes:
    """The adapter's config with some members changed."""
    config = json.loads((folder / "adapter_config.json").read_bytes())
    return json.dumps({**config, **changes}).encode()


@pytest.fixture
def stranger(world: World) -> Credentials:
    """Another tenant, who has nothing."""
    return world.platform.keys("stranger")
