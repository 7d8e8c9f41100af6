"""What the generation service is asked for: a chat, or the continuation of a text."""

from typing import Annotated, Self, TypeAlias

from pydantic import Field

from contracts.contract import Contract
from contracts.generation.messages import ChatMessage, ImagePart, JsonFormat, Text, Tool, ToolChoice

ModelName: TypeAlias = Annotated[str, Field(min_length=1, max_length=2048)]
Stop: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]
MOST_STOPS = 64
"""Of one request, in every dialect."""


class Sampling(Contract):
    """How tokens are chosen; None leaves the choice to the model's own defaults."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    min_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: list[Stop] = Field(default_factory=list, max_length=MOST_STOPS)
    ignore_eos: bool = False
    n: Annotated[int, Field(ge=1, le=16)] = 1
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """How many likeliest tokens to tell of beside each chosen one; None tells of no token."""


class Generate(Sampling):
    """What both kinds of request have.

    `model` is a base model or one of the tenant's adapters. `component` is the SageMaker inference
    component that is asked; `adapter` names one of its adapters, or else one of the tenant's.
    `background` means that nobody waits for the answer, so that others go first; no dialect reads
    it from a body.
    """

    model: ModelName
    adapter: Annotated[str, Field(max_length=256)] = ""
    component: Annotated[str, Field(max_length=128)] = ""
    stream: bool = False
    background: bool = False

    def in_background(self) -> Self:
        """The same, as a job asks it."""
        return self.model_copy(update={"background": True})


class ChatRequest(Generate):
    """`passages` and `question` go along for engines that only quote; others read `messages`.

    With `continues` the last message, an assistant's, is the beginning of the answer.
    """

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2000)]
    tools: list[Tool] = Field(default_factory=list, max_length=128)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    format: JsonFormat | None = None
    continues: bool = False
    passages: Annotated[list[Text], Field(max_length=1000)] | None = None
    question: Text | None = None

    @property
    def images(self) -> list[ImagePart]:
        return [image for message in self.messages for image in message.images]


class CompletionRequest(Generate):
    """`prompt` goes to the model as it is, or as token ids; `echo` tells of its tokens too."""

    prompt: (
        Annotated[str, Field(min_length=1, max_length=4_000_000)]
        | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=1_000_000)]
    )
    echo: bool = False
