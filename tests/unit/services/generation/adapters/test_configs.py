"""What adapter_config.json may say of numbers."""

import json

import pytest

from services.generation.engines.adapters.config import read_config

_GOOD = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}


@pytest.mark.parametrize("alpha", [10**4000, float("nan"), float("inf"), True, "16", 0])
def test_an_alpha_that_no_adapter_has_is_refused_in_words(alpha: object) -> None:
    with pytest.raises(ValueError, match="lora_alpha must be a number other than 0"):
        read_config(json.dumps(_GOOD | {"lora_alpha": alpha}).encode())
