"""How OpenAI's streams fail: to the client as an event, and in the tenant's audit trail by name."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.wire.bedrock_models import Scripted, scripted_platform
from tests.wire.test_audit_trail import trail


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_platform(tmp_path_factory.mktemp("scripted")) as running:
        yield running


def chunks(client: openai.OpenAI, told: str) -> Any:
    messages: Any = [{"role": "user", "content": told}]
    return client.chat.completions.create(model="scripted", messages=messages, stream=True)


def outcomes(scripted: Scripted, who: Any) -> list[str]:
    return [entry["outcome"] for entry in trail(scripted.platform, who, "CreateChatCompletion")]


@pytest.mark.parametrize("behaviour", ["breaks-with-error", "cut"])
def test_a_stream_that_breaks_ends_with_an_error_and_is_booked_as_one(
    scripted: Scripted, behaviour: str
) -> None:
    who = scripted.platform.keys(f"stream-{behaviour}")
    said = []
    with pytest.raises(openai.APIError):
        said.extend(chunks(scripted.platform.openai(who), f"[[{behaviour}]]"))
    assert said[0].choices[0].delta.content == "Half "
    assert outcomes(scripted, who) == ["upstream_failed"]


def test_a_stream_that_its_reader_leaves_is_booked_as_left(scripted: Scripted) -> None:
    who = scripted.platform.keys("stream-left")
    stream = chunks(scripted.platform.openai(who), "[[endless]]")
    next(stream)
    stream.close()
    assert outcomes(scripted, who) == ["client_gone"]


def test_a_stream_that_ends_well_is_booked_as_such(scripted: Scripted) -> None:
    who = scripted.platform.keys("stream-ended")
    assert list(chunks(scripted.platform.openai(who), "hello"))
    assert outcomes(scripted, who) == ["ok"]
