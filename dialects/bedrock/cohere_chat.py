"""Cohere Command R and R+: a message after a history, with documents and tools."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.messages import ToolCall
from contracts.generation.requests import ChatRequest
from dialects.bedrock.calls import Calls, arguments_of
from dialects.bedrock.cohere_history import documents_of, said_by, tools_of
from dialects.bedrock.progress import METRICS, Progress, reason_of
from dialects.body import Json, Members, built
from dialects.dialect import Exchange

_MEMBERS = {
    "message", "chat_history", "documents", "search_queries_only", "preamble", "max_tokens",
    "temperature", "p", "k", "prompt_truncation", "frequency_penalty", "presence_penalty", "seed",
    "return_prompt", "tools", "tool_results", "stop_sequences", "raw_prompting",
    "force_single_step", "citation_quality",
}  # fmt: skip
_REFUSED = ("search_queries_only", "return_prompt", "raw_prompting")


class CohereChat:
    """TextDialect; answers have no citations."""

    def read(self, model: str, body: Json) -> ChatRequest:
        members = Members(body, _MEMBERS)
        members.refuse(*_REFUSED)
        members.one_of("prompt_truncation", ("OFF",), "OFF")
        documents = documents_of(members)
        return built(
            ChatRequest,
            model=model,
            messages=said_by(members, documents),
            tools=tools_of(members),
            passages=documents or None,
            question=members.text("message") if documents else None,
            max_tokens=members.tokens("max_tokens"),
            temperature=members.number("temperature", 0, 1),
            top_p=members.nucleus("p"),
            top_k=members.likeliest("k"),
            frequency_penalty=members.number("frequency_penalty", 0, 1),
            presence_penalty=members.number("presence_penalty", 0, 1),
            seed=members.integer("seed", least=-(2**63), most=2**63 - 1),
            stop=members.stops("stop_sequences"),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return _answer(exchange, made.text, reason_of(made.first), made.first.tool_calls)

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """Tool calls come whole, in one event before the last, which has the whole answer."""
        progress, calls = Progress(exchange), Calls()
        said: list[str] = []
        generation = str(uuid4())
        yield _event("stream-start", generation_id=generation)
        async with aclosing(progress.seen(deltas)) as seen:
            async for delta in seen:
                calls.add(delta)
                if delta.text:
                    said.append(delta.text)
                    yield _event("text-generation", text=delta.text)
        ended = progress.reason()
        if made := calls.made():
            yield _event("tool-calls-generation", tool_calls=[_call(call, ended) for call in made])
        answer = _answer(exchange, "".join(said), ended, made) | {"generation_id": generation}
        end = _event("stream-end", finish_reason=_reason(ended), response=answer)
        yield {**end, "is_finished": True, METRICS: progress.metrics()}


def _event(kind: str, **members: object) -> Json:
    return {"is_finished": False, "event_type": kind, **members}


def _answer(exchange: Exchange, text: str, ended: FinishReason, calls: list[ToolCall]) -> Json:
    history = [
        *(exchange.body.get("chat_history") or []),
        {"role": "USER", "message": exchange.body["message"]},
        {"role": "CHATBOT", "message": text},
    ]
    answer = {
        "response_id": str(uuid4()),
        "text": text,
        "generation_id": str(uuid4()),
        "chat_history": history,
        "finish_reason": _reason(ended),
    }
    return answer | ({"tool_calls": [_call(call, ended) for call in calls]} if calls else {})


def _call(call: ToolCall, ended: FinishReason) -> Json:
    """Raises UpstreamFailed for arguments that are no JSON object."""
    return {"name": call.name, "parameters": arguments_of(call, ended)}


def _reason(reason: FinishReason) -> str:
    return "MAX_TOKENS" if reason == "length" else "COMPLETE"
