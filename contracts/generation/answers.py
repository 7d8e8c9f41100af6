"""What comes back: whole generations, and the parts of one that is still being written."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from contracts.contract import Contract
from contracts.generation.messages import ToolCall

FinishReason: TypeAlias = Literal["stop", "stop_sequence", "length", "tool_calls", "refusal"]
"""`stop`: the model ended by itself. `refusal`: it would not, or could not, answer."""

Count: TypeAlias = Annotated[int, Field(ge=0)]


class Alternative(Contract):
    text: str
    logprob: float


class Token(Contract):
    """One token; `logprob` is None for the first of a prompt, which nothing precedes."""

    text: str
    logprob: float | None
    id: int | None = None
    likeliest: list[Alternative] = Field(default_factory=list)


class Choice(Contract):
    """One of the `n` answers; `stop` is the stop sequence that ended it, which is not in `text`.

    Neither `text` nor `tokens` ever has the prompt, whatever the request says of `echo`.
    """

    text: str
    finish_reason: FinishReason
    stop: str | None = None
    tool_calls: list[ToolCall] = Field(default_factory=list)
    tokens: list[Token] | None = None


class Generation(Contract):
    """`model` is what really answered, whatever alias was asked for; `adapter` is its digest."""

    choices: Annotated[list[Choice], Field(min_length=1)]
    input_tokens: Count
    output_tokens: Count
    cached_tokens: Count = 0
    model: str
    adapter: str = ""
    prompt_tokens: list[Token] | None = None
    """Of the prompt, with `echo`."""

    @property
    def first(self) -> Choice:
        return self.choices[0]

    @property
    def text(self) -> str:
        return self.first.text


class ToolCallDelta(Contract):
    """A part of a call: the first of an `index` has its id and name, all may add arguments."""

    index: Count
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Usage(Contract):
    """What a stream took; with its last part."""

    input_tokens: Count
    output_tokens: Count
    cached_tokens: Count = 0
    model: str
    adapter: str = ""


class Delta(Contract):
    """A part of choice `index`. The last part of a choice has a finish reason; the last part of
    the stream has `usage`, and may belong to no choice.

    `output_tokens` counts those of this part, and `input_tokens` those of the prompt in the first
    one, where the engine tells: they book a stream that is left in the middle, to the `model` and
    `adapter` of its first part.
    """

    index: Count = 0
    text: str = ""
    tool_calls: list[ToolCallDelta] = Field(default_factory=list)
    tokens: list[Token] | None = None
    finish_reason: FinishReason | None = None
    stop: str | None = None
    input_tokens: Count = 0
    output_tokens: Count = 0
    usage: Usage | None = None
    prompt_tokens: list[Token] | None = None
    model: str = ""
    adapter: str = ""


class TokenCount(Contract):
    input_tokens: Count
    model: str
