"""Claude's messages: blocks of text, images, documents, tool calls and their results."""

from collections.abc import Iterator

from contracts.generation.messages import ChatMessage, ImagePart, Part, TextPart, ToolCall
from dialects.bedrock.calls import call_of
from dialects.bedrock.turns import content_of
from dialects.body import Members, built
from dialects.images import image

_ROLES = ("user", "assistant")
_BY_ROLE = {
    "user": ("text", "image", "document", "tool_result"),
    "assistant": ("text", "tool_use"),
}
_IN_RESULTS = ("text", "image", "document")
_NO_EFFECT = {"type", "cache_control", "citations"}
"""Prefixes are cached without being marked."""


def messages_of(members: Members) -> list[ChatMessage]:
    """System text first. Raises InvalidRequest that names the block."""
    said = [built(ChatMessage, role="system", content=text) for text in _system(members)]
    for place, given in members.items("messages", least=1):
        said += _turn(Members(given, {"role", "content"}, f"{place}."))
    return said


def _system(members: Members) -> Iterator[str]:
    if "system" not in members:
        return
    if isinstance(members.body["system"], str):
        yield members.text("system")
        return
    texts = []
    for place, given in members.items("system"):
        block = Members(given, {"text", *_NO_EFFECT}, f"{place}.")
        block.one_of("type", ("text",))
        texts.append(block.text("text"))
    if texts:
        yield "\n".join(texts)


def _turn(members: Members) -> Iterator[ChatMessage]:
    """Results of tools come as messages of their own, before what the user adds."""
    role = members.one_of("role", _ROLES)
    if isinstance(members.body.get("content"), str):
        yield _message(role, [TextPart(text=members.text("content"))], [])
        return
    parts: list[Part] = []
    calls: list[ToolCall] = []
    for place, given in members.items("content", least=1):
        block = Members(given, at=f"{place}.")
        kind = block.one_of("type", _BY_ROLE[role])
        if kind == "tool_use":
            calls.append(_call(block))
        elif kind == "tool_result":
            yield _result(block)
        else:
            parts.append(_part(kind, block))
    if parts or calls:
        yield _message(role, parts, calls)


def _message(role: str, parts: list[Part], calls: list[ToolCall]) -> ChatMessage:
    return built(ChatMessage, role=role, content=content_of(parts), tool_calls=calls)


def _part(kind: str, block: Members) -> Part:
    if kind == "text":
        members = Members(block.body, {"text", *_NO_EFFECT}, block.at)
        return built(TextPart, text=members.text("text"))
    if kind == "image":
        return _image(Members(block.body, {"source", *_NO_EFFECT}, block.at))
    return _document(Members(block.body, {"source", "title", "context", *_NO_EFFECT}, block.at))


def _image(block: Members) -> ImagePart:
    source = block.object("source", {"type", "media_type", "data"})
    source.one_of("type", ("base64",))
    return image(source.body.get("data"), f"{source.at}data", source.text("media_type"))


def _document(block: Members) -> TextPart:
    """Documents of text; others must come as text."""
    source = block.object("source", {"type", "media_type", "data"})
    source.one_of("type", ("text",))
    source.one_of("media_type", ("text/plain",))
    title, context = block.text("title", ""), block.text("context", "")
    heading = "".join(f"{line}\n" for line in (title, context) if line)
    return built(TextPart, text=f"<document>\n{heading}{source.text('data')}\n</document>")


def _call(block: Members) -> ToolCall:
    members = Members(block.body, {"id", "name", "input", *_NO_EFFECT}, block.at)
    return call_of(members, id="id", name="name", input="input")


def _result(block: Members) -> ChatMessage:
    known = {"tool_use_id", "content", "is_error", *_NO_EFFECT}
    members = Members(block.body, known, block.at)
    answered = members.text("tool_use_id", least=1)
    failed = members.flag("is_error", default=False)
    parts: list[Part] = [TextPart(text="Error:")] if failed else []
    if isinstance(members.body.get("content"), str):
        parts.append(built(TextPart, text=members.text("content")))
    else:
        for place, given in members.items("content"):
            inner = Members(given, at=f"{place}.")
            parts.append(_part(inner.one_of("type", _IN_RESULTS), inner))
    return built(ChatMessage, role="tool", content=content_of(parts), tool_call_id=answered)
