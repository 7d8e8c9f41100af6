"""How Bedrock's runtime fails: with each error's own class in boto3, before and within streams."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError, ReadTimeoutError

from tests.wire.bedrock_models import HAIKU, Scripted, claude, message_of, scripted_platform


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_platform(tmp_path_factory.mktemp("scripted")) as running:
        yield running


def asked(scripted: Scripted, way: str, told: str) -> None:
    """Asks in one of the four ways, and reads the whole answer."""
    if way == "invoke":
        scripted.invoke(HAIKU, **claude(told))
    elif way == "stream":
        list(scripted.stream(HAIKU, **claude(told)))
    elif way == "converse":
        scripted.converse(told)
    else:
        list(scripted.converse_stream(told))


def texts(scripted: Scripted, way: str, told: str) -> Iterator[str]:
    if way == "stream":
        for event in scripted.stream(HAIKU, **claude(told)):
            yield event.get("delta", {}).get("text") or ""
    else:
        for event in scripted.converse_stream(told):
            yield event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")


WAYS = ("invoke", "stream", "converse", "converse-stream")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("behaviour", "name", "status"),
    [
        ("status-400", "ValidationException", 400),
        ("status-500", "ModelErrorException", 424),
        ("status-504", "ModelTimeoutException", 408),
        ("hangs", "ModelTimeoutException", 408),
    ],
)
def test_a_failure_before_the_first_token_has_its_class_and_status(
    scripted: Scripted, way: str, behaviour: str, name: str, status: int
) -> None:
    with pytest.raises(getattr(scripted.runtime.exceptions, name)) as raised:
        asked(scripted, way, f"[[{behaviour}]]")
    assert message_of(raised, status)


@pytest.mark.parametrize("way", WAYS)
def test_a_context_too_long_is_told_with_both_numbers(scripted: Scripted, way: str) -> None:
    with pytest.raises(scripted.runtime.exceptions.ValidationException) as raised:
        asked(scripted, way, "[[too-long]]")
    said = message_of(raised, 400)
    assert "64" in said
    assert "80" in said


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_is_away_is_unavailable(scripted: Scripted, way: str) -> None:
    with pytest.raises(scripted.runtime.exceptions.ServiceUnavailableException) as raised:
        asked(scripted, way, "[[status-503]]")
    assert message_of(raised, 503)
    assert int(raised.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) >= 1


@pytest.mark.parametrize("way", ["stream", "converse-stream"])
@pytest.mark.parametrize(
    ("behaviour", "names"),
    [
        ("breaks-with-error", ("modelStreamErrorException",) * 2),
        ("cut", ("modelStreamErrorException",) * 2),
        ("stalls", ("modelTimeoutException", "modelStreamErrorException")),
    ],
)
def test_a_failure_within_a_stream_ends_it_with_an_exception_of_the_model(
    scripted: Scripted, way: str, behaviour: str, names: tuple[str, str]
) -> None:
    said: list[str] = []
    with pytest.raises(EventStreamError) as raised:
        said.extend(texts(scripted, way, f"[[{behaviour}]]"))  # keeps what came before the end
    assert "".join(said) == "Half "
    assert raised.value.response["Error"]["Code"] == names[way != "stream"]


@pytest.mark.parametrize("model", ["acme.absent-v1", "somebodys-adapter", "TheBloke/absent-7B"])
@pytest.mark.parametrize("operation", ["invoke_model", "invoke_model_with_response_stream"])
def test_an_absent_model_is_not_found(scripted: Scripted, model: str, operation: str) -> None:
    body = json.dumps({"prompt": "Hi", "max_gen_len": 5})
    with pytest.raises(scripted.runtime.exceptions.ResourceNotFoundException) as raised:
        getattr(scripted.runtime, operation)(modelId=model, body=body)
    assert model in message_of(raised, 404)


@pytest.mark.parametrize("operation", ["converse", "converse_stream", "count_tokens"])
def test_an_absent_model_is_not_found_to_converse_with(scripted: Scripted, operation: str) -> None:
    messages = [{"role": "user", "content": [{"text": "Hi"}]}]
    more: dict[str, Any] = {"messages": messages}
    if operation == "count_tokens":
        more = {"input": {"converse": more}}
    with pytest.raises(scripted.runtime.exceptions.ResourceNotFoundException):
        getattr(scripted.runtime, operation)(modelId="acme.absent-v1", **more)


@pytest.mark.parametrize("model", ["scripted", "extractive"])
@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_an_image_that_a_model_cannot_read_is_named(
    scripted: Scripted, model: str, operation: str
) -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}}
    messages = [{"role": "user", "content": [image, {"text": "[[reads-text]]"}]}]
    with pytest.raises(scripted.runtime.exceptions.ValidationException) as raised:
        getattr(scripted.runtime, operation)(modelId=model, messages=messages)
    assert "messages.0.content.0.image.source.bytes" in message_of(raised, 400)


def test_embeddings_are_not_streamed(scripted: Scripted) -> None:
    with pytest.raises(scripted.runtime.exceptions.ValidationException, match="not streamed"):
        next(scripted.stream("amazon.titan-embed-text-v1", inputText="Hi"))


def test_guardrails_are_refused_by_name(scripted: Scripted) -> None:
    with pytest.raises(ClientError, match="guardrailIdentifier") as raised:
        scripted.runtime.invoke_model(
            modelId=HAIKU,
            body=json.dumps(claude("Hi")),
            guardrailIdentifier="g1",
            guardrailVersion="1",
        )
    message_of(raised, 400)


@pytest.mark.parametrize("way", ["stream", "converse-stream"])
def test_leaving_a_stream_stops_the_model_at_once(scripted: Scripted, way: str) -> None:
    scripted.double.left.clear()
    messages = [{"role": "user", "content": [{"text": "[[endless]]"}]}]
    if way == "stream":
        stream = scripted.runtime.invoke_model_with_response_stream(
            modelId=HAIKU, body=json.dumps(claude("[[endless]]"))
        )["body"]
    else:
        stream = scripted.runtime.converse_stream(modelId=HAIKU, messages=messages)["stream"]
    events = iter(stream)
    for _ in range(3):
        next(events)
    stream.close()
    _await_left(scripted, 2)


def test_leaving_a_plain_call_stops_the_model_at_once(scripted: Scripted) -> None:
    scripted.double.left.clear()
    hasty = scripted.platform.boto3("bedrock-runtime", read_timeout=0.5)
    with pytest.raises(ReadTimeoutError):
        hasty.invoke_model(modelId=HAIKU, body=json.dumps(claude("[[hangs]]")))
    _await_left(scripted, 1)


def _await_left(scripted: Scripted, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not scripted.double.left.is_set():
        assert time.monotonic() < deadline, "the model went on after its reader had left"
        time.sleep(0.01)
