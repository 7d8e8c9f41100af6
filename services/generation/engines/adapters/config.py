"""What adapter_config.json says, and the reasons why vLLM could not serve it as PEFT means it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.generation.engines.adapters.texts import check_unicode

_PLAIN_KEY: Final = re.compile(r"\^?[A-Za-z0-9_.]{1,200}")
_HARMLESS_INITS: Final = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
"""They set only where training starts; the others change the base model's weights."""
_UNSERVED: Final = {
    "use_dora": "DoRA",
    "lora_bias": "a bias of its own (lora_bias)",
    "alora_invocation_tokens": "activation by tokens (aLoRA)",
    "layer_replication": "replicated layers (layer_replication)",
    "use_bdlora": "block-diagonal LoRA (BD-LoRA)",
    "use_qalora": "QALoRA",
    "megatron_config": "Megatron's parallel layers",
    "target_parameters": "parameters instead of modules (target_parameters)",
    "trainable_token_indices": "trained tokens (trainable_token_indices)",
}
_MOST_RANK: Final = 4096
_MOST_PATTERNS: Final = 1000
"""Trainers that choose a rank for each module write a name for each: some 900 for 126 layers."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """The members that change what the adapter does."""

    rank: int
    alpha: float
    rslora: bool
    transposed: bool
    """`fan_in_fan_out`: the base keeps its weights as [in, out]."""
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    target: str

    @property
    def largest_rank(self) -> int:
        return max([self.rank, *self.ranks.values()])

    @property
    def patterns(self) -> int:
        return len(self.ranks) + len(self.alphas)

    def rank_of(self, module: str) -> int:
        found = _match(self.ranks, module)
        return self.rank if found is None else int(found)

    def scaling_of(self, module: str) -> float:
        found = _match(self.alphas, module)
        alpha, rank = self.alpha if found is None else found, self.rank_of(module)
        return alpha / (math.sqrt(rank) if self.rslora else rank)


def read_config(raw: bytes) -> AdapterConfig:
    """Raises ValueError with every reason against it."""
    said = _parse(raw)
    reasons = _reasons(said)
    rank, alpha = said.get("r"), said.get("lora_alpha")
    if not _is_rank(rank):
        reasons.append(f"r must be a whole number from 1 to {_MOST_RANK}")
    if not _is_number(alpha) or alpha == 0:
        reasons.append("lora_alpha must be a number other than 0")
    ranks, alphas = said.get("rank_pattern") or {}, said.get("alpha_pattern") or {}
    reasons += _bad_pattern("rank_pattern", ranks, _is_rank)
    reasons += _bad_pattern("alpha_pattern", alphas, _is_number)
    if reasons:
        raise ValueError("; ".join(reasons))
    return AdapterConfig(
        rank=said["r"],
        alpha=float(said["lora_alpha"]),
        rslora=bool(said.get("use_rslora")),
        transposed=bool(said.get("fan_in_fan_out")),
        ranks=ranks,
        alphas=alphas,
        target=str(said.get("base_model_name_or_path") or "")[:500],
    )


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw)
        check_unicode(said)
    except (ValueError, RecursionError) as error:
        raise ValueError("adapter_config.json is not JSON in Unicode") from error
    if not isinstance(said, dict):
        raise ValueError("adapter_config.json is no JSON object")
    return said


def _reasons(said: dict[str, Any]) -> list[str]:
    reasons = []
    if said.get("peft_type") != "LORA":
        kind = ascii(said.get("peft_type"))[:60]
        reasons.append(f"peft_type is {kind}; only LORA adapters are served")
    if said.get("task_type") not in (None, "CAUSAL_LM"):
        reasons.append("task_type is not CAUSAL_LM: it does not generate text")
    if said.get("bias", "none") != "none":
        reasons.append("bias is not 'none': trained biases are not served")
    if said.get("modules_to_save"):
        reasons.append("modules_to_save names whole layers, which an adapter cannot bring along")
    init = said.get("init_lora_weights", True)
    if isinstance(init, str) and init.lower() not in _HARMLESS_INITS:
        reasons.append(
            f"init_lora_weights is {ascii(init)[:60]}, which changes the base model too: save it "
            "with PEFT's path_initial_model_for_weight_conversion"
        )
    targets = said.get("target_modules")
    if not isinstance(targets, str | list) or not targets:
        reasons.append("target_modules must name the modules that it changes")
    reasons += [
        f"it uses {what}, which is not served" for name, what in _UNSERVED.items() if said.get(name)
    ]
    return reasons


def _bad_pattern(name: str, pattern: Any, good: Any) -> list[str]:
    """Keys are used as regular expressions by every engine, so only plain ones are let through."""
    if not isinstance(pattern, dict) or len(pattern) > _MOST_PATTERNS:
        return [f"{name} must be an object of at most {_MOST_PATTERNS} names of modules"]
    for key, value in pattern.items():
        if not _PLAIN_KEY.fullmatch(key) or not good(value):
            return [f"{name} must map plain names of modules to numbers, unlike {ascii(key)[:80]}"]
    return []


def _match(pattern: Mapping[str, float], module: str) -> float | None:
    """As PEFT reads it: a key is a suffix of the name from a dot on; the first one wins.

    Plain keys need no regular expressions, and those of thousands of keys cost minutes to compile.
    """
    for key, value in pattern.items():
        is_suffix = not key.startswith("^") and module.endswith(f".{key}")
        if is_suffix or module == key.removeprefix("^"):
            return value
    return None


def _is_rank(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _MOST_RANK


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= 1e6  # which no NaN is
