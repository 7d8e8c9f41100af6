"""The OpenAI wire: the bodies of requests for chats and completions."""

from typing import Any

import orjson

from contracts.generation.client import GenerateRequest
from contracts.generation.messages import ChatMessage, ImagePart, NamedTool, Part, Tool, ToolChoice
from contracts.generation.requests import ChatRequest, CompletionRequest

_SAMPLING = (
    "max_tokens", "min_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty",
    "presence_penalty", "frequency_penalty", "seed", "ignore_eos",
)  # fmt: skip


def path(request: GenerateRequest) -> str:
    return "/chat/completions" if isinstance(request, ChatRequest) else "/completions"


def body(model: str, request: GenerateRequest, *, stream: bool, **more: Any) -> bytes:
    """`model` is the server's name of it; `more` goes along as it is."""
    # What a server does by itself is not sent, for some refuse names that they lack.
    told = ((name, getattr(request, name)) for name in _SAMPLING)
    sent = {name: value for name, value in told if value is not None and value is not False}
    sent |= _shared(request) | _own(request) | more
    if stream:
        sent.setdefault("stream_options", {"include_usage": True})
    return orjson.dumps({"model": model, "stream": stream, **sent})


def tokenized(model: str, request: GenerateRequest) -> dict[str, Any]:
    """What vLLM's /tokenize takes, which reads it as it would to answer."""
    if not isinstance(request, ChatRequest):
        return {"model": model, "prompt": request.prompt}
    sent = _messages(request)
    if request.tools:
        sent["tools"] = [_tool(tool) for tool in request.tools]
    return {"model": model, **sent}


def _shared(request: GenerateRequest) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    if request.stop:
        sent["stop"] = request.stop
    if request.n > 1:
        sent["n"] = request.n
    return sent


def _own(request: GenerateRequest) -> dict[str, Any]:
    return _chat(request) if isinstance(request, ChatRequest) else _completion(request)


def _chat(request: ChatRequest) -> dict[str, Any]:
    sent = _messages(request)
    if request.logprobs is not None:
        sent |= {"logprobs": True, "top_logprobs": request.logprobs}
    if request.tools:
        sent["tools"] = [_tool(tool) for tool in request.tools]
        sent["tool_choice"] = _choice(request.tool_choice)
        if not request.parallel_tool_calls:
            sent["parallel_tool_calls"] = False
    if (form := request.format) is not None:
        shape = {"name": form.name, "schema": form.shape, "strict": True}
        sent["response_format"] = (
            {"type": "json_object"}
            if form.shape is None
            else {"type": "json_schema", "json_schema": shape}
        )
    return sent


def _messages(request: ChatRequest) -> dict[str, Any]:
    sent: dict[str, Any] = {"messages": [_message(message) for message in request.messages]}
    if request.continues:  # vLLM's; a server without these refuses them
        sent |= {"continue_final_message": True, "add_generation_prompt": False}
    return sent


def _completion(request: CompletionRequest) -> dict[str, Any]:
    sent: dict[str, Any] = {"prompt": request.prompt}
    if request.logprobs is not None:
        sent["logprobs"] = request.logprobs
    return sent


def _message(message: ChatMessage) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": _content(message.content)}
    if message.tool_calls:
        sent["content"] = sent["content"] or None
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _content(content: str | list[Part]) -> str | list[dict[str, Any]]:
    """Text alone goes as a string, which the templates of all models can read."""
    if isinstance(content, str):
        return content
    if not any(isinstance(part, ImagePart) for part in content):
        return "\n".join(part.text for part in content if not isinstance(part, ImagePart))
    return [_part(part) for part in content]


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        url = f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "text", "text": part.text}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice) -> str | dict[str, Any]:
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return choice
