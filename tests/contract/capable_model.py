"""A model that repeats what it is told, and honours what a good server honours.

A message of `wait 0.2` is answered after so many seconds, one of `fail 503` with that status.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import JSONResponse, Response, StreamingResponse

_PIECE = 8


async def answer(asked: dict[str, Any], *, chat: bool) -> Response:
    told = prompt_of(asked, chat)
    command, argument, *_ = (*told.split(" "), "")
    if command == "wait":
        await asyncio.sleep(float(argument))
    if command == "fail":
        return JSONResponse({"error": {"message": f"told {argument}"}}, int(argument))
    texts = [f"{told}!" if index == 0 else f"{told}!{index}" for index in range(asked.get("n", 1))]
    if asked["stream"]:
        return StreamingResponse(_events(asked, texts, chat=chat), media_type="text/event-stream")
    choices = [_whole(asked, text, index, chat=chat) for index, text in enumerate(texts)]
    return JSONResponse({"choices": choices, "usage": _usage(told, texts)})


def prompt_of(asked: dict[str, Any], chat: bool) -> str:
    if not chat:
        return asked["prompt"] if isinstance(asked["prompt"], str) else str(asked["prompt"])
    content = asked["messages"][-1]["content"]
    return content if isinstance(content, str) else orjson.dumps(content).decode()


def _usage(told: str, texts: list[str]) -> dict[str, Any]:
    return {
        "prompt_tokens": len(told.split()),
        "completion_tokens": sum(len(text.split()) for text in texts),
        "prompt_tokens_details": {"cached_tokens": 1},
    }


def _calls(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """One of the named tool; of all, where one is required."""
    choice = asked.get("tool_choice")
    names = [tool["function"]["name"] for tool in asked.get("tools", ())]
    if isinstance(choice, dict):
        names = [choice["function"]["name"]]
    elif choice != "required":
        names = []
    return [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": name, "arguments": '{"city": "Köln"}'},
        }
        for index, name in enumerate(names)
    ]


def _whole(asked: dict[str, Any], text: str, index: int, *, chat: bool) -> dict[str, Any]:
    if not chat:
        reason = "length" if asked.get("max_tokens", 16) < len(text.split()) else "stop"
        told = _completion_logprobs(text) if asked.get("logprobs") is not None else None
        return {"index": index, "text": text, "finish_reason": reason, "logprobs": told}
    calls = _calls(asked)
    message: dict[str, Any] = {"role": "assistant", "content": None if calls else text}
    if calls:
        message["tool_calls"] = calls
    elif "response_format" in asked:
        message["content"] = '{"city": "Köln", "people": 1}'
    return {
        "index": index,
        "message": message,
        "finish_reason": "tool_calls" if calls else "stop",
        "logprobs": _chat_logprobs(asked, text),
    }


def _chat_logprobs(asked: dict[str, Any], text: str) -> dict[str, Any] | None:
    if not asked.get("logprobs"):
        return None
    top = [{"token": f"t{rank}", "logprob": -0.5 - rank} for rank in range(asked["top_logprobs"])]
    rows = [{"token": text, "logprob": -0.25, "top_logprobs": top}]
    return {"content": rows}


def _completion_logprobs(text: str) -> dict[str, Any]:
    tokens = text.split(" ")
    return {
        "tokens": tokens,
        "token_logprobs": [-0.25] * len(tokens),
        "top_logprobs": [{token: -0.25} for token in tokens],
    }


async def _events(asked: dict[str, Any], texts: list[str], *, chat: bool) -> AsyncIterator[bytes]:
    for index, text in enumerate(texts):
        calls = _calls(asked) if chat else []
        for place, call in enumerate(calls):
            begun = {"index": place, "id": call["id"], "type": "function"}
            whole = call["function"]["arguments"]
            function = {"name": call["function"]["name"], "arguments": ""}
            yield _event(index, {"tool_calls": [{**begun, "function": function}]}, chat=chat)
            for start in range(0, len(whole), _PIECE):
                part = {"arguments": whole[start : start + _PIECE]}
                delta = {"tool_calls": [{"index": place, "function": part}]}
                yield _event(index, delta, chat=chat)
        for start in range(0, 0 if calls else len(text), _PIECE):
            piece = text[start : start + _PIECE]
            told = _chat_logprobs(asked, piece) if chat else None
            yield _event(index, {"content": piece}, chat=chat, logprobs=told)
        yield _event(index, {}, chat=chat, reason="tool_calls" if calls else "stop")
    usage = _usage(prompt_of(asked, chat), texts)
    yield b"data: " + orjson.dumps({"choices": [], "usage": usage}) + b"\n\ndata: [DONE]\n\n"


def _event(
    index: int,
    delta: dict[str, Any],
    *,
    chat: bool,
    reason: str | None = None,
    logprobs: dict[str, Any] | None = None,
) -> bytes:
    said: dict[str, Any] = {"delta": delta} if chat else {"text": delta.get("content", "")}
    choice = {"index": index, **said, "finish_reason": reason, "logprobs": logprobs}
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"
