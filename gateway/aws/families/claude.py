"""Claude on Bedrock: the Messages payload, and the older text completion."""

from pydantic import ValidationError
from uuid_utils import uuid4

from contracts.generation.answers import Generation
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from gateway.aws.families.family import Invoked, Json, Members
from gateway.aws.registry import Call
from kit.errors import InvalidRequest

_VERSION = "bedrock-2023-05-31"
_SAMPLING = {"temperature", "top_p", "top_k", "stop_sequences"}
_STOPS = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
}


async def invoke_messages(call: Call, model: str, body: Json) -> Invoked:
    members = Members(
        body, {"anthropic_version", "max_tokens", "messages", "system", "metadata", *_SAMPLING}
    )
    members.one_of("anthropic_version", (_VERSION,))
    answer = await _chat(call, model, _messages(body), members, "max_tokens", body)
    content = {
        "id": f"msg_bdrk_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [{"type": "text", "text": answer.text}],
        "stop_reason": _STOPS[answer.first.finish_reason],
        "stop_sequence": answer.first.stop,
        "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
    }
    return Invoked(content, answer.input_tokens, answer.output_tokens)


async def invoke_text(call: Call, model: str, body: Json) -> Invoked:
    """`prompt` as turns that begin with a line of `Human:` and `Assistant:`."""
    members = Members(body, {"prompt", "max_tokens_to_sample", "anthropic_version", *_SAMPLING})
    turns = _turns(members.text("prompt"))
    answer = await _chat(call, model, turns, members, "max_tokens_to_sample", body)
    stop = "max_tokens" if answer.first.finish_reason == "length" else "stop_sequence"
    content = {
        "type": "completion",
        "completion": f" {answer.text}",
        "stop_reason": stop,
        "stop": "\n\nHuman:" if stop == "stop_sequence" else None,
    }
    return Invoked(content, answer.input_tokens, answer.output_tokens)


async def _chat(
    call: Call, model: str, messages: list[ChatMessage], members: Members, limit: str, body: Json
) -> Generation:
    stop = body.get("stop_sequences", [])
    if not isinstance(stop, list) or not all(isinstance(one, str) and one for one in stop):
        raise InvalidRequest("Malformed input request: [stop_sequences] must be strings.")
    members.integer("top_k")
    try:
        ask = ChatRequest(
            model=model,
            messages=messages,
            max_tokens=members.integer(limit, 200 if limit == "max_tokens_to_sample" else None),
            temperature=members.number("temperature", 0, 1),
            top_p=members.number("top_p", 0, 1) or None,
            stop=stop,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"Malformed input request: {where}: {first['msg']}.") from error
    return await call.backends.generation.generate(call.principal, ask)


def _messages(body: Json) -> list[ChatMessage]:
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("Malformed input request: [messages] must not be empty.")
    system = [ChatMessage(role="system", content=_text(body["system"]))] if "system" in body else []
    return system + [_message(one) for one in given]


def _message(given: object) -> ChatMessage:
    if not isinstance(given, dict) or given.get("role") not in ("user", "assistant"):
        raise InvalidRequest('Malformed input request: a role must be "user" or "assistant".')
    return ChatMessage(role=given["role"], content=_text(given.get("content")))


def _text(content: object) -> str:
    """A string, or a list of text blocks."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        for block in content:
            if not isinstance(block, dict) or block.get("type") != "text":
                raise InvalidRequest("The model behind this name reads blocks of text only.")
        return "\n".join(str(block.get("text", "")) for block in content)
    raise InvalidRequest("Malformed input request: content must be a string or a list of blocks.")


def _turns(prompt: str) -> list[ChatMessage]:
    human, assistant = "\n\nHuman:", "\n\nAssistant:"
    body = prompt if prompt.startswith("\n\n") else f"\n\n{prompt}"
    if human not in body or not body.rstrip().count(assistant):
        raise InvalidRequest(
            'Invalid prompt: it must start with "\\n\\nHuman:" and end with "\\n\\nAssistant:".',
            param="prompt",
        )
    turns: list[ChatMessage] = []
    for part in body.split(human)[1:]:
        asked, _, answered = part.partition(assistant)
        turns.append(ChatMessage(role="user", content=asked.strip()))
        if answered.strip():
            turns.append(ChatMessage(role="assistant", content=answered.strip()))
    return turns
