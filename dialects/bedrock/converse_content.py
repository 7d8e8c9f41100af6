"""The messages of Converse and Nova: blocks that are told apart by their one member."""

import base64
import codecs
from collections.abc import Callable, Iterator, Sequence

from contracts.generation.messages import ChatMessage, ImagePart, Part, TextPart, ToolCall
from dialects.bedrock.calls import as_json, call_of
from dialects.bedrock.turns import content_of
from dialects.body import Members, built
from dialects.images import image
from kit.errors import InvalidRequest

_ROLES = ("user", "assistant", "system")
_TEXT_FORMATS = ("txt", "md", "csv", "html")
_IMAGES = ("png", "jpeg", "gif", "webp")
_CACHE = "cachePoint"
"""Marks where a prefix ends that could be cached: prefixes are cached without being marked."""


def messages_of(members: Members) -> list[ChatMessage]:
    """System text first, in one message, for many templates take no second one.

    Raises InvalidRequest that names the block, also for a result of what nobody has called.
    """
    said = [*_system(members)]
    called: set[str] = set()
    for place, given in members.items("messages", least=1):
        turn = _turn(Members(given, {"role", "content"}, f"{place}."))
        _hold_to_calls(turn, called, f"{place}.content")
        called |= {call.id for message in turn for call in message.tool_calls}
        said += turn
    return said


def _system(members: Members) -> Iterator[ChatMessage]:
    texts = []
    for place, given in members.items("system"):
        kind, block = _block(given, place, ("text",))
        if kind != _CACHE:
            texts.append(block.text("text"))
    if texts:
        yield built(ChatMessage, role="system", content="\n".join(texts))


def _turn(members: Members) -> list[ChatMessage]:
    """Results of tools come as messages of their own, before what the user adds."""
    role = members.one_of("role", _ROLES)
    parts: list[Part] = []
    calls: list[ToolCall] = []
    results: list[ChatMessage] = []
    for place, given in members.items("content", least=1):
        kind, block = _block(given, place, (*_PARTS, "toolUse", "toolResult"))
        if kind == "toolUse":
            used = block.object("toolUse", {"toolUseId", "name", "input", "type"})
            calls.append(call_of(used, id="toolUseId", name="name", input="input"))
        elif kind == "toolResult":
            results.append(_result(block))
        elif kind != _CACHE:
            parts.append(_PARTS[kind](block))
    _hold_to_role(members, role, calls, results)
    if parts or calls:
        said = content_of(parts)
        results.append(built(ChatMessage, role=role, content=said, tool_calls=calls))
    return results


def _hold_to_role(
    members: Members, role: str, calls: list[ToolCall], results: list[ChatMessage]
) -> None:
    if calls and role != "assistant":
        raise members.wrong("content", "has a toolUse, which only an assistant can say")
    if results and role != "user":
        raise members.wrong("content", "has a toolResult, which only a user can say")


def _hold_to_calls(turn: Sequence[ChatMessage], called: set[str], place: str) -> None:
    for message in turn:
        answered = message.tool_call_id
        if answered is not None and answered not in called:
            raise InvalidRequest(
                f"The number of toolResult blocks at {place} exceeds the number of toolUse blocks "
                f"of previous turn. No toolUse before it has the toolUseId {answered!r}.",
                param=place,
            )


def _block(given: object, place: str, known: tuple[str, ...]) -> tuple[str, Members]:
    members = Members(given, at=f"{place}.")
    kinds = [name for name, value in members.body.items() if value is not None]
    if len(kinds) != 1:
        raise members.wrong("*", "must have exactly one of its members set")
    if kinds[0] not in (*known, _CACHE):
        raise InvalidRequest(
            f"{place}.{kinds[0]} is not served; leave it out.", param=f"{place}.{kinds[0]}"
        )
    return kinds[0], members


def _result(block: Members) -> ChatMessage:
    members = block.object("toolResult", {"toolUseId", "content", "status", "type"})
    answered = members.text("toolUseId", least=1)
    failed = members.one_of("status", ("success", "error"), "success") == "error"
    parts: list[Part] = [TextPart(text="Error:")] if failed else []
    for place, given in members.items("content"):
        kind, inner = _block(given, place, (*_PARTS, "json"))
        if kind == "json":
            parts.append(built(TextPart, text=_json(inner)))
        elif kind != _CACHE:
            parts.append(_PARTS[kind](inner))
    return built(ChatMessage, role="tool", content=content_of(parts), tool_call_id=answered)


def _json(block: Members) -> str:
    value = block.body["json"]
    if isinstance(value, dict | list):
        block.bounded("json")
    return as_json(value)


def _text(block: Members) -> TextPart:
    return built(TextPart, text=block.text("text"))


def _image(block: Members) -> ImagePart:
    members = block.object("image", {"format", "source"})
    kind = members.one_of("format", _IMAGES)
    source = members.object("source")
    source.refuse("s3Location")
    return image(source.body.get("bytes"), f"{source.at}bytes", f"image/{kind}")


def _document(block: Members) -> TextPart:
    """Documents of text; those of other formats must come as text."""
    members = block.object("document", {"format", "name", "source", "context", "citations"})
    members.object("citations").refuse("enabled")
    name, context = members.text("name", least=1), members.text("context", "")
    lead = f"{context}\n" if context else ""
    text = f'<document name="{name}">\n{lead}{_document_text(members)}\n</document>'
    return built(TextPart, text=text)


def _document_text(members: Members) -> str:
    source = members.object("source", {"bytes", "text", "content", "s3Location"})
    source.refuse("s3Location")
    if "text" in source:
        return source.text("text")
    if "content" in source:
        pieces = source.items("content", least=1)
        return "\n".join(Members(one, {"text"}, f"{at}.").text("text") for at, one in pieces)
    kind = members.one_of("format", _TEXT_FORMATS, "txt")
    raw = source.body.get("bytes")
    if not isinstance(raw, bytes | str):
        raise source.wrong("bytes", f"or a text must be given with the format {kind}")
    try:
        told = raw if isinstance(raw, bytes) else base64.b64decode(raw, validate=True)
        return told.removeprefix(codecs.BOM_UTF8).decode()
    except ValueError as error:
        raise source.wrong("bytes", "must be text in UTF-8") from error


def _search_result(block: Members) -> TextPart:
    members = block.object("searchResult", {"source", "title", "content", "citations"})
    members.object("citations").refuse("enabled")
    pieces = members.items("content", least=1)
    said = "\n".join(Members(one, {"text"}, f"{at}.").text("text") for at, one in pieces)
    title, source = members.text("title"), members.text("source")
    return built(TextPart, text=f"<search_result>\n{title}\n{source}\n{said}\n</search_result>")


_PARTS: dict[str, Callable[[Members], Part]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "searchResult": _search_result,
}
