"""A body of a million wrong members is refused in a moment, with the first of them told."""

import time
from typing import Any

import pytest

from gateway.aws.protocol import models
from gateway.aws.protocol.failures import ValidationFailed
from gateway.aws.protocol.validate import validate

CONVERSE = models.service("bedrock-runtime").operation("Converse")
NUMBERS = [0] * 990_000
CROWDS: dict[str, tuple[dict[str, Any], str]] = {
    "a list of numbers": ({"content": NUMBERS, "role": "user"}, "content.1.member"),
    "a list for a text": ({"content": [], "role": NUMBERS}, "role"),
}
MAPS = {"numbers": 0, "nulls": None}


def refused(parameters: dict[str, Any]) -> ValidationFailed:
    validate(CONVERSE, {"modelId": "m"})  # so that what is made once is made
    began = time.process_time()
    with pytest.raises(ValidationFailed) as raised:
        validate(CONVERSE, parameters)
    assert time.process_time() - began < 0.25
    assert len(raised.value.message) < 8000
    return raised.value


@pytest.mark.parametrize("kind", CROWDS)
def test_a_vast_list_is_refused_at_once(kind: str) -> None:
    message, param = CROWDS[kind]
    assert refused({"modelId": "m", "messages": [message]}).param == f"messages.1.member.{param}"


@pytest.mark.parametrize("kind", MAPS)
def test_a_vast_map_is_refused_at_once(kind: str) -> None:
    values = {f"k{number}": MAPS[kind] for number in range(90_000)}
    error = refused({"modelId": "m", "promptVariables": values})
    assert str(error.param).startswith("promptVariables.k0")
