"""An invocation of a text endpoint: what its body asks for, whatever form the answer will have."""

from dataclasses import dataclass
from typing import Any

from contracts.generation.client import GenerateRequest
from contracts.generation.invocations import Target
from contracts.generation.requests import ChatRequest, CompletionRequest
from dialects.body import Json, Members, built, malformed
from dialects.sagemaker.adapters import adapters_of
from dialects.sagemaker.parameters import parameters_of, sampling
from dialects.sagemaker.said import Said
from kit.errors import InvalidRequest

_MOST_INPUTS = 128
_DEFAULT_TOKENS = {"lmi": 30, "lmi-sse": 30, "lmi-vllm": 30, "tgi": 100}
_MEMBERS = {"inputs", "parameters", "stream", "adapters", "model", "options"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """`listed`: the inputs came as a list, and so do the answers. `starts`: what precedes each.

    `dialogues`: the inputs are chats, as the containers of Llama 2 take them.
    """

    requests: tuple[GenerateRequest, ...]
    inputs: tuple[str, ...]
    listed: bool = False
    dialogues: bool = False
    full_text: bool = False
    details: bool = False
    prefill: bool = False
    seed: int | None = None

    def start(self, index: int = 0) -> str:
        return self.inputs[index] if self.full_text else ""


def read(target: Target, said: Said, body: Json, *, stream: bool) -> Invocation:
    """Raises InvalidRequest that names the member."""
    members = Members(body, _MEMBERS)
    members.refuse("options")
    parameters = parameters_of(body)
    inputs, listed = _inputs(body.get("inputs"))
    if stream and len(inputs) > 1:
        raise InvalidRequest("inputs: a stream answers one input at a time.", param="inputs")
    details = parameters.flag("details", default=False)
    shared = sampling(parameters, most_tokens=_DEFAULT_TOKENS[target.form])
    if stream and shared["n"] > 1:
        raise InvalidRequest("n: a stream has one answer.", param="parameters.n")
    shared |= {"model": target.model, "component": target.component, "stream": stream}
    if details or stream or shared["n"] > 1:
        shared["logprobs"] = 0
    prefill = details and parameters.flag("decoder_input_details", default=False)
    adapters = adapters_of(target, said, body, len(inputs))
    dialogues = isinstance(inputs[0], list)
    made = [
        _request(one, prefill and not stream, {**shared, "adapter": adapter}, index)
        for index, (one, adapter) in enumerate(zip(inputs, adapters, strict=True))
    ]
    return Invocation(
        requests=tuple(made),
        inputs=tuple("" if isinstance(one, list) else one for one in inputs),
        listed=listed,
        dialogues=dialogues,
        full_text=parameters.flag("return_full_text", default=False) and not dialogues,
        details=details,
        prefill=prefill,
        seed=shared["seed"],
    )


def wants_stream(body: Json) -> bool:
    return Members(body, None).flag("stream", default=False)


def _inputs(given: object) -> tuple[list[Any], bool]:
    """One text, a list of texts, or a list of dialogues."""
    if isinstance(given, str):
        return [given], False
    if not isinstance(given, list):
        raise malformed("required key [inputs] must be a string or a list", "inputs")
    if not 1 <= len(given) <= _MOST_INPUTS:
        raise malformed(f"[inputs] must have 1 to {_MOST_INPUTS} members", "inputs")
    if not all(type(one) is type(given[0]) for one in given) or not isinstance(
        given[0], str | list
    ):
        raise malformed("[inputs] must be all strings, or all lists of messages", "inputs")
    return given, True


def _request(one: Any, prefill: bool, shared: Json, index: int) -> GenerateRequest:
    if isinstance(one, str):
        if not one:
            raise malformed("[inputs] must not be empty", "inputs")
        return built(CompletionRequest, prompt=one, echo=prefill, **shared)
    return built(ChatRequest, messages=_messages(one, f"inputs.{index}."), **shared)


def _messages(dialogue: list[Any], at: str) -> list[Json]:
    messages = []
    for position, given in enumerate(dialogue):
        message = Members(given, {"role", "content"}, f"{at}{position}.")
        role = message.one_of("role", ("system", "user", "assistant"))
        messages.append({"role": role, "content": message.text("content")})
    if not messages:
        raise malformed(f"[{at.rstrip('.')}] must not be empty", at.rstrip("."))
    return messages
