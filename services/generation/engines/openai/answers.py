"""The OpenAI wire: what a whole answer means."""

from contracts.generation.answers import Choice, Generation
from contracts.generation.messages import ToolCall
from services.generation.engines.openai.members import (
    READABLE,
    Told,
    counts_of,
    reason_of,
    tokens_of,
    told_of,
)


def whole_answer(model: str, answer: bytes, adapter: str = "") -> Generation:
    """Of a chat or a completion; `model` is the id to tell. Raises UpstreamFailed."""
    told = told_of(answer)
    with READABLE:
        choices = [_choice(choice) for choice in told["choices"]]
        prompt, _ = tokens_of(told["choices"][0])
        counts = counts_of(told.get("usage") or {})
        return Generation(
            choices=choices, model=model, adapter=adapter, prompt_tokens=prompt, **counts
        )


def _choice(choice: Told) -> Choice:
    message = choice.get("message") or {}
    reason, stop = reason_of(choice, message)
    return Choice(
        text=choice.get("text") or message.get("content") or message.get("refusal") or "",
        finish_reason=reason,
        stop=stop,
        tool_calls=[_call(call) for call in message.get("tool_calls") or ()],
        tokens=tokens_of(choice)[1],
    )


def _call(call: Told) -> ToolCall:
    function = call["function"]
    return ToolCall(id=call["id"], name=function["name"], arguments=function["arguments"] or "")
