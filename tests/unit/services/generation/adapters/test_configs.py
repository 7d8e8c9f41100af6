"""What adapter_config.json may say of numbers, texts and names of modules."""

import json
import time
from typing import Any

import pytest

from services.generation.engines.adapters.config import AdapterConfig, read_config
from services.generation.engines.adapters.header import Tensor
from services.generation.engines.adapters.modules import check_ranks, check_shapes, pairs_of

_GOOD = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}


def read(**members: Any) -> AdapterConfig:
    return read_config(json.dumps(_GOOD | members).encode())


def tensors(*modules: str) -> dict[str, Tensor]:
    """Of rank 8, in ASCII or not."""
    shapes = {"A": (8, 1), "B": (1, 8)}
    return {
        f"{module}.lora_{half}.weight": Tensor("F32", shape, 0, 32)
        for module in modules
        for half, shape in shapes.items()
    }


@pytest.mark.parametrize("alpha", [10**4000, float("nan"), float("inf"), True, "16", 0])
def test_an_alpha_that_no_adapter_has_is_refused_in_words(alpha: object) -> None:
    with pytest.raises(ValueError, match="lora_alpha must be a number other than 0"):
        read_config(json.dumps(_GOOD | {"lora_alpha": alpha}).encode())


@pytest.mark.parametrize(
    "members", [{"base_model_name_or_path": "\ud800"}, {"\udfff": 1}, {"x": [{"y": "\ud800"}]}]
)
def test_a_text_that_is_no_unicode_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Unicode"):
        read(**members)


def test_no_message_repeats_a_name_that_cannot_be_written_down() -> None:
    odd = pairs_of(tensors("\ud800.q_proj"))
    with pytest.raises(ValueError, match=r"^\\ud800\.q_proj has the ranks"):
        check_ranks(odd, read(r=4))
    for base in ({}, {"\ud800.q_proj": (2, 2)}):
        with pytest.raises(ValueError, match=r"\\ud800\.q_proj"):
            check_shapes(odd, base, read())


@pytest.mark.parametrize(
    ("keys", "module", "rank"),
    [
        (["q_proj"], "layers.0.q_proj", 1),
        (["q_proj"], "q_proj", 1),
        (["q_proj"], "layers.0.aq_proj", 8),
        (["0.q_proj", "q_proj"], "layers.0.q_proj", 1),
        (["1.q_proj", "q_proj"], "layers.0.q_proj", 2),
        (["^q_proj"], "layers.0.q_proj", 8),
        (["^layers.0.q_proj"], "layers.0.q_proj", 1),
        (["layers.0"], "layers.0.q_proj", 8),
        ([".q_proj"], "layers..q_proj", 1),
    ],
)
def test_the_first_key_that_is_the_end_of_a_modules_name_tells_its_rank(
    keys: list[str], module: str, rank: int
) -> None:
    patterns = {key: number for number, key in enumerate(keys, 1)}
    assert read(rank_pattern=patterns).rank_of(module) == rank


def test_a_thousand_keys_for_each_of_a_thousand_modules_are_soon_looked_up() -> None:
    config = read(rank_pattern={"x." * 85 + f"m{n}": 8 for n in range(1000)})
    pairs = pairs_of(tensors(*("a." * 60 + f"m{n}" for n in range(1000))))
    started = time.process_time()
    check_ranks(pairs, config)
    assert time.process_time() - started < 20  # as regular expressions they took minutes


def test_more_keys_than_modules_of_any_model_are_refused() -> None:
    assert read(rank_pattern={f"m{n}": 8 for n in range(1000)}).patterns == 1000
    for name in ("rank_pattern", "alpha_pattern"):
        with pytest.raises(ValueError, match=f"{name} must be an object of at most 1000 names"):
            read(**{name: {f"m{n}": 8 for n in range(1001)}})


def test_many_keys_for_very_many_modules_are_refused() -> None:
    config = read(rank_pattern={f"m{n}": 8 for n in range(1000)})
    with pytest.raises(ValueError, match=r"1000 names .* for 2001 modules are too many"):
        check_ranks(pairs_of(tensors(*(f"n{n}" for n in range(2001)))), config)
