"""Two base models at once, each on a vLLM of its own with its own adapters."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.adapters import add_adapters
from tests.support.platform import ROOT, Credentials, Platform, running_platform
from tests.support.vllm import SMALL, Tiny, await_model, made, warmed
from tests.vllm.world import PROMPTS, TOKENS, expected

BASES = ("narrow", "wide")
ADAPTERS = ("es", "it")


@pytest.fixture(scope="module")
def bases(tiny: Tiny) -> dict[str, Tiny]:
    return dict(zip(BASES, (tiny, made("96")), strict=True))


@pytest.fixture(scope="module")
def both(bases: dict[str, Tiny], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("two-bases")
    warmed(data / "generation")
    named = [option for name, one in bases.items() for option in ("--model", f"{name}={one.model}")]
    with running_platform(data, env=SMALL, options=tuple(named)) as platform:
        for name in BASES:
            await_model(platform, name)
        yield platform


@pytest.fixture(scope="module")
def owners(both: Platform, bases: dict[str, Tiny]) -> dict[str, Credentials]:
    """One tenant for each base, whose adapters have the same names."""
    owners = {name: both.keys(name) for name in BASES}
    for name, one in bases.items():
        adapters = {adapter: one.adapters[adapter] for adapter in ADAPTERS}
        add_adapters(both, owners[name], name, adapters)
    return owners


def test_each_base_and_its_adapters_say_what_peft_says_while_the_other_writes(
    both: Platform, bases: dict[str, Tiny], owners: dict[str, Credentials]
) -> None:
    asked = [(base, name, n) for name in ("", *ADAPTERS) for n in (0, 1) for base in BASES]

    def said(base: str, name: str, number: int) -> str:
        answer = both.openai(owners[base]).completions.create(
            model=name or base, prompt=PROMPTS[number], max_tokens=TOKENS, temperature=0
        )
        return answer.choices[0].text

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda one: said(*one), asked))
    right = {base: expected(one) for base, one in bases.items()}
    assert answers == [right[base][name][number] for base, name, number in asked]
    assert right["narrow"] != right["wide"]


def test_the_example_of_the_post_serves_both_from_one_endpoint(
    both: Platform, bases: dict[str, Tiny], owners: dict[str, Credentials], tmp_path: Path
) -> None:
    for base, one in bases.items():
        (tmp_path / base).mkdir()
        for adapter in ADAPTERS:
            (tmp_path / base / adapter).symlink_to(one.adapters[adapter])
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "examples" / "multi_tenant_lora.py")),
            *("--bases", *BASES, "--adapters", *(str(tmp_path / base) for base in BASES)),
        ],
        env=both.environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("2 of 2 said the same when all were asked at once") == len(BASES)
