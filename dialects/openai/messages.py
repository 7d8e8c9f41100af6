"""OpenAI's messages, and what they are as contracts."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from contracts.generation.messages import ChatMessage, ImagePart, Part, TextPart, ToolCall
from dialects.images import image
from dialects.openai.body import Body, ListOf
from kit.errors import InvalidRequest

_DATA_URL = re.compile(r"data:(image/[a-z+.-]+);base64,", re.ASCII)
Name: TypeAlias = Annotated[str, Field(max_length=256)]


class Text(Body):
    type: Literal["text"]
    text: str


class ImageUrl(Body):
    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class Image(Body):
    type: Literal["image_url"]
    image_url: ImageUrl


class Refusal(Body):
    type: Literal["refusal"]
    refusal: str


class Function(Body):
    name: Annotated[str, Field(min_length=1, max_length=128)]
    arguments: str


class Called(Body):
    """`index` comes along where a client sends back what it has streamed."""

    id: Name
    type: Literal["function"] = "function"
    function: Function
    index: int | None = None


class SystemMessage(Body):
    role: Literal["system", "developer"]
    content: str | ListOf[Text]
    name: Name | None = None


class UserMessage(Body):
    role: Literal["user"]
    content: str | ListOf[Annotated[Text | Image, Field(discriminator="type")]]
    name: Name | None = None


class AssistantMessage(Body):
    """As clients send an answer back; the members that say nothing must be null."""

    role: Literal["assistant"]
    content: str | ListOf[Annotated[Text | Refusal, Field(discriminator="type")]] | None = None
    refusal: str | None = None
    name: Name | None = None
    tool_calls: Annotated[ListOf[Called], Field(max_length=128)] | None = None
    annotations: ListOf[dict[str, Any]] | None = None
    audio: None = None
    function_call: None = None


class ToolMessage(Body):
    role: Literal["tool"]
    content: str | ListOf[Text]
    tool_call_id: Name
    name: Name | None = None


Message: TypeAlias = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


def chat_messages(messages: Sequence[Message]) -> list[ChatMessage]:
    """Raises InvalidRequest for an image that would have to be fetched, and for a tool's answer
    to what nobody called."""
    called: set[str] = set()
    made = []
    for index, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            called |= {call.id for call in message.tool_calls or ()}
        elif isinstance(message, ToolMessage) and message.tool_call_id not in called:
            where = f"messages.{index}.tool_call_id"
            raise InvalidRequest(
                f"{where}: no tool call before this message has the id {message.tool_call_id!r}.",
                param=where,
            )
        made.append(_chat_message(message, f"messages.{index}.content"))
    return made


def _chat_message(message: Message, where: str) -> ChatMessage:
    if isinstance(message, AssistantMessage):
        return ChatMessage(
            role="assistant",
            content=_content(message.content, where) or message.refusal or "",
            tool_calls=[_tool_call(call) for call in message.tool_calls or ()],
        )
    if isinstance(message, ToolMessage):
        content = _content(message.content, where)
        return ChatMessage(role="tool", content=content, tool_call_id=message.tool_call_id)
    role: Literal["system", "user"] = "user" if isinstance(message, UserMessage) else "system"
    return ChatMessage(role=role, content=_content(message.content, where))


def _content(
    content: str | Sequence[Text | Image | Refusal] | None, where: str
) -> str | list[Part]:
    if content is None or isinstance(content, str):
        return content or ""
    return [_part(part, f"{where}.{index}") for index, part in enumerate(content)]


def _part(part: Text | Image | Refusal, where: str) -> Part:
    if isinstance(part, Image):
        return image_part(part.image_url.url, f"{where}.image_url.url")
    return TextPart(text=part.text if isinstance(part, Text) else part.refusal)


def image_part(url: str, where: str) -> ImagePart:
    """Of a data URL. Raises InvalidRequest that names `where`."""
    match = _DATA_URL.match(url)
    if match is None:
        raise InvalidRequest(
            f"{where}: no address is fetched; send the image itself, as `data:image/png;base64,…`.",
            param=where,
        )
    media_type = match[1].replace("image/jpg", "image/jpeg")
    return image(url[match.end() :], where, media_type)


def _tool_call(call: Called) -> ToolCall:
    return ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
