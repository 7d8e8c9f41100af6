"""What a chat is made of: messages of text, images and tool calls, and the tools on offer."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from contracts.contract import Contract

Text: TypeAlias = Annotated[str, Field(max_length=4_000_000)]
Json: TypeAlias = dict[str, Any]


class TextPart(Contract):
    type: Literal["text"] = "text"
    text: Text


class ImagePart(Contract):
    """`data` is base64: an image is never fetched from an address.

    `place` is what the caller calls it, for whoever cannot read it.
    """

    type: Literal["image"] = "image"
    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
    data: Annotated[str, Field(max_length=30_000_000)]
    place: Annotated[str, Field(max_length=256)] = "messages"


Part: TypeAlias = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class ToolCall(Contract):
    """`arguments` is JSON as the model wrote it, which need not be valid."""

    id: Annotated[str, Field(max_length=256)]
    name: Annotated[str, Field(min_length=1, max_length=128)]
    arguments: Text


class ChatMessage(Contract):
    """`tool_calls` only of an assistant; `tool_call_id` only of a tool, whose answer it is."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text | list[Part] = ""
    tool_calls: list[ToolCall] = Field(default_factory=list, max_length=128)
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None

    @property
    def images(self) -> list[ImagePart]:
        if isinstance(self.content, str):
            return []
        return [part for part in self.content if isinstance(part, ImagePart)]

    @property
    def text(self) -> str:
        """What it says, without its images."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))


class Tool(Contract):
    """`parameters` is a JSON schema, which a `strict` tool's arguments are held to."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: Text = ""
    parameters: Json
    strict: bool = False


class NamedTool(Contract):
    """The tool that must be called."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | NamedTool


class JsonFormat(Contract):
    """The answer must be JSON, and of `shape` (a JSON schema) where one is given."""

    shape: Json | None = None
    name: str = "answer"
