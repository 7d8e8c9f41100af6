"""Which modules an adapter changes: its tensors in pairs, A [rank, in] and B [out, rank]."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.generation.engines.adapters.config import AdapterConfig
from services.generation.engines.adapters.header import Tensor

_PREFIX = "base_model.model."
_ENDS = {
    ".lora_A.weight": ("a", False),
    ".lora_B.weight": ("b", False),
    ".lora_embedding_A": ("a", True),
    ".lora_embedding_B": ("b", True),
}
_OUTPUT = "lm_head"
_SHOWN = 5
_MOST_MATCHES = 2_000_000
"""Of a pattern with a module: engines and PEFT try each as a regular expression."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`embedding` pairs look up a column of A instead of multiplying by it."""

    a: Tensor
    b: Tensor
    embedding: bool


def pairs_of(tensors: Mapping[str, Tensor]) -> dict[str, Pair]:
    """By the module's name in the base model. Raises ValueError for what is no pair."""
    halves: dict[tuple[str, bool], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        module, which, embedding = _split(name)
        half = halves.setdefault((module, embedding), {})
        if which in half:
            raise ValueError(f"the module {_shown(module)} has its {which.upper()} twice")
        half[which] = tensor
    if not halves:
        raise ValueError("it has no tensors")
    # engines let the output layer's into what others learn of their prompts
    if any(module.rpartition(".")[2] == _OUTPUT for module, _ in halves):
        raise ValueError(f"it changes {_OUTPUT}, which is not served: train it without")
    lone = [module for (module, _), half in halves.items() if len(half) < 2]
    if lone:
        raise ValueError(f"lora_A or lora_B is missing for {_some(lone)}")
    if len({module for module, _ in halves}) < len(halves):
        raise ValueError("a module has both a linear and an embedding pair")
    return {module: Pair(half["a"], half["b"], e) for (module, e), half in halves.items()}


def check_ranks(pairs: Mapping[str, Pair], config: AdapterConfig) -> None:
    """Raises ValueError where tensors and adapter_config.json differ."""
    if len(pairs) * config.patterns > _MOST_MATCHES:
        raise ValueError(
            f"{config.patterns} names in rank_pattern and alpha_pattern for {len(pairs)} modules "
            f"are too many: their product may be {_MOST_MATCHES} at most"
        )
    for module, pair in pairs.items():
        if len(pair.a.shape) != 2 or len(pair.b.shape) != 2:
            raise ValueError(f"A and B of {_shown(module)} must have two dimensions")
        wanted, ranks = config.rank_of(module), (pair.a.shape[0], pair.b.shape[1])
        if ranks != (wanted, wanted):
            raise ValueError(
                f"{_shown(module)} has the ranks {ranks[0]} (A) and {ranks[1]} (B), and "
                f"adapter_config.json says {wanted}"
            )


def check_shapes(
    pairs: Mapping[str, Pair], base: Mapping[str, tuple[int, ...]], config: AdapterConfig
) -> str:
    """Compares with the base's weights by module; returns what was compared, in words.

    Raises ValueError that tells a wrong base from a wrong shape.
    """
    absent = [module for module in pairs if module not in base]
    if absent:
        raise ValueError(
            f"the base model has no {_some(absent)}: the adapter was trained on another model"
            + (f" ({config.target!a})" if config.target else "")
        )
    for module, pair in pairs.items():
        wanted, has = _wanted(base[module], pair, config), (pair.a.shape[1], pair.b.shape[0])
        if has != wanted:
            raise ValueError(
                f"{_shown(module)} is {has[0]} wide in and {has[1]} out, and the base model's is "
                f"{wanted[0]} in and {wanted[1]} out: the adapter was trained on another model"
            )
    return f"{len(pairs)} modules fit"


def _wanted(shape: tuple[int, ...], pair: Pair, config: AdapterConfig) -> tuple[int, int]:
    """What goes in and what comes out of the base's module."""
    if len(shape) != 2:
        raise ValueError(f"the base model's weight has {len(shape)} dimensions; LoRA needs two")
    first, second = shape
    return (first, second) if pair.embedding or config.transposed else (second, first)


def _split(name: str) -> tuple[str, str, bool]:
    for end, (which, embedding) in _ENDS.items():
        if name.endswith(end):
            module = name.removesuffix(end).removeprefix(_PREFIX)
            if module:
                return module, which, embedding
    raise ValueError(f"the tensor {ascii(name)[:200]} is neither a lora_A nor a lora_B")


def _some(names: list[str]) -> str:
    shown = ", ".join(_shown(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:100]
