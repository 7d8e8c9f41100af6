"""What payloads ask for: sampling, adapters, batches, and what is wrong with them."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.generation.requests import CompletionRequest
from dialects.sagemaker.exchange import exchange
from dialects.sagemaker.said import Said, said
from kit.errors import InvalidRequest, PermissionDenied
from tests.unit.dialects.sagemaker.samples import NOTHING_SAID, asked, target

SAID = {"role": "user", "content": "a"}


def request(**body: Any) -> CompletionRequest:
    (one,) = asked(inputs="Hello", **body).requests
    assert isinstance(one, CompletionRequest)
    return one


def test_defaults_are_those_of_the_containers() -> None:
    plain = request()
    assert (plain.max_tokens, plain.temperature, plain.n) == (30, 0.0, 1)
    assert (plain.model, plain.component, plain.adapter) == ("meta.llama", "chat", "")
    (tgi,) = asked("tgi", inputs="Hello").requests
    assert tgi.max_tokens == 100


def test_sampling_is_on_when_asked_for_or_meant() -> None:
    assert request(parameters={"do_sample": True}).temperature is None
    assert request(parameters={"temperature": 0.6, "top_p": 0.9}).temperature == 0.6
    assert request(parameters={"do_sample": False, "temperature": 0.6}).temperature == 0.0
    assert request(parameters={"top_k": -1, "do_sample": True}).top_k is None
    assert request(parameters={"top_k": 10}).top_k == 10


def test_a_member_that_is_null_is_one_that_was_left_out() -> None:
    names = ("return_full_text", "do_sample", "details", "decoder_input_details", "seed", "stop")
    nulls = request(parameters=dict.fromkeys(names), stream=None, adapters=None, model=None)
    assert nulls == request()
    (chat,) = asked(messages=[SAID], prompt=None, adapters=None, adapter="es").requests
    assert chat.adapter == "es"
    (one,) = asked(messages=None, prompt="Hello").requests
    assert isinstance(one, CompletionRequest)


def test_stops_have_two_names() -> None:
    assert request(parameters={"stop": ["a"], "stop_sequences": ["b"]}).stop == ["b", "a"]


def test_adapters_lie_beside_their_inputs() -> None:
    one = asked(inputs=["a", "b", "c"], adapters=["es", "", "fr"])
    assert [each.adapter for each in one.requests] == ["es", "", "fr"]
    with pytest.raises(InvalidRequest, match=r"adapters \(1\).*inputs \(2\)"):
        asked(inputs=["a", "b"], adapters=["es"])


def test_a_header_beats_the_attribute_and_the_attribute_the_body() -> None:
    def adapter(header: str | None, attributes: str) -> str:
        one = asked(said=said(header, attributes), inputs="Hello", adapters="es")
        return one.requests[0].adapter

    assert adapter("ru", "accept_eula=true,adapter=fr") == "ru"
    assert adapter(None, "accept_eula=true; adapter=fr") == "fr"
    assert adapter(None, "") == "es"
    assert adapter("", "adapter=fr") == "", "an empty header means the base"


def test_an_adapter_component_uses_its_own_adapter() -> None:
    own = target(adapter="support")
    for body, expected in (({}, "support"), ({"adapters": ["es"]}, "es")):
        one = exchange(own, Said(), orjson.dumps({"inputs": "Hello", **body}))
        assert one.requests[0].adapter == expected


def test_the_name_of_a_model_that_is_not_the_targets_is_an_adapters() -> None:
    def adapter(model: object, said: Said = NOTHING_SAID, **more: object) -> str:
        own = target(names=["llama", "front"], adapter="own")
        body = {"model": model, **more}
        made = {
            exchange(own, said, orjson.dumps({**form, **body})).requests[0].adapter
            for form in ({"inputs": "a"}, {"prompt": "a"}, {"messages": [SAID]})
        }
        assert len(made) == 1, "each form of body means the same by it"
        return made.pop()

    assert {adapter(one) for one in (None, "", "meta.llama", "llama", "front", "lmi")} == {"own"}
    assert adapter("es") == "es"
    assert adapter("es", adapters=["fr"]) == "fr"
    assert adapter("es", Said("")) == ""
    for wrong in (7, ["es"], "e" * 257):
        with pytest.raises(InvalidRequest) as refused:
            adapter(wrong)
        assert refused.value.param == "model"


def test_terms_are_accepted_in_custom_attributes() -> None:
    bound = target(terms="https://example.com/terms")
    with pytest.raises(PermissionDenied, match="accept_eula=true"):
        exchange(bound, said(None, ""), b'{"inputs": "Hello"}')
    assert exchange(bound, said(None, "accept_eula=true"), b'{"inputs": "Hello"}').requests


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, "inputs"),
        ({"inputs": ""}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": ["a", 1]}, "inputs"),
        ({"inputs": [[{"role": "robot", "content": "x"}]]}, "inputs.0.0.role"),
        ({"inputs": "a", "parameters": {"max_new_tokens": 0}}, "parameters.max_new_tokens"),
        ({"inputs": "a", "parameters": {"min_new_tokens": 31}}, "parameters.min_new_tokens"),
        ({"inputs": "a", "parameters": {"temperature": 3}}, "parameters.temperature"),
        ({"inputs": "a", "parameters": {"watermark": True}}, "parameters.watermark"),
        ({"inputs": "a", "parameters": {"logprobs": 3}}, "parameters.logprobs"),
        ({"inputs": "a", "parameters": {"colour": 1}}, "parameters.colour"),
        ({"inputs": "a", "adapters": [7]}, "adapters"),
        ({"inputs": "a", "parameters": []}, "parameters"),
    ],
)
def test_a_wrong_member_is_named(body: dict[str, Any], member: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(**body)
    assert refused.value.param == member


def test_a_stream_has_one_input_and_one_answer() -> None:
    with pytest.raises(InvalidRequest):
        asked(stream=True, inputs=["a", "b"])
    with pytest.raises(InvalidRequest):
        asked(stream=True, inputs="a", parameters={"n": 2})


_NAMES = st.sampled_from(
    (
        "inputs",
        "parameters",
        "adapters",
        "adapter",
        "stream",
        "messages",
        "prompt",
        "model",
        "role",
        "content",
        "details",
        "stop",
        "temperature",
        "top_k",
        "n",
        "best_of",
        "tools",
    )
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=12) | _NAMES, inner, max_size=6)
    ),
    max_leaves=20,
)


@settings(max_examples=400)
@given(st.dictionaries(_NAMES, _JSON, max_size=8), st.booleans())
def test_no_body_breaks_the_reader(body: dict[str, Any], stream: bool) -> None:
    """It is understood, or refused."""
    try:
        raw = orjson.dumps(body)
    except (TypeError, ValueError):
        return  # JSON has no such numbers
    with suppress(InvalidRequest):
        exchange(target(), Said(), raw, stream=stream)
