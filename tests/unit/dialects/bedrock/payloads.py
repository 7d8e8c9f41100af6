"""Each text family with a body that it takes, and where the text is in what it answers."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.generation.answers import Choice, Delta, Generation, ToolCallDelta, Usage
from contracts.generation.messages import ToolCall
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.dialect import Exchange, TextDialect

Json = dict[str, Any]

USER = [{"role": "user", "content": "Hello"}]
CLAUDE: Json = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": USER}
BLOCKS: Json = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
WEATHER: Json = {"type": "object", "properties": {"city": {"type": "string"}}}

SAID = "Naïve café 🙂, it said."
TEXT = Generation(
    choices=[Choice(text=SAID, finish_reason="stop")],
    input_tokens=7,
    output_tokens=9,
    model="own.model",
)
CALL = ToolCall(id="call-1", name="weather", arguments='{"city":"Oslo"}')
CALLED = Generation(
    choices=[Choice(text="Let me look.", finish_reason="tool_calls", tool_calls=[CALL])],
    input_tokens=7,
    output_tokens=9,
    model="own.model",
)


@dataclass(frozen=True)
class Family:
    """`said` reads the text of a whole answer, `part` that of a chunk."""

    model: str
    body: Json
    said: Callable[[Json], str]
    part: Callable[[Json], str]

    @property
    def dialect(self) -> TextDialect:
        return Converse() if self.model == "converse" else text_dialect(self.model)

    def exchange(self) -> Exchange:
        return Exchange(self.model, self.body, self.dialect.read(self.model, self.body))

    def whole(self, made: Generation) -> Json:
        return self.dialect.whole(self.exchange(), made)

    async def chunks(self, deltas: Sequence[Delta]) -> list[Json]:
        return [chunk async for chunk in self.dialect.parts(self.exchange(), given(deltas))]


async def given(deltas: Sequence[Delta]) -> AsyncGenerator[Delta, None]:
    for delta in deltas:
        yield delta


def streamed(made: Generation) -> list[Delta]:
    """As engines stream it: letters, then parts of the calls, the reason, and the usage."""
    choice = made.first
    parts = [Delta(text=letter) for letter in choice.text]
    for index, call in enumerate(choice.tool_calls):
        begun = ToolCallDelta(index=index, id=call.id, name=call.name)
        parts.append(Delta(tool_calls=[begun]))
        pieces = [ToolCallDelta(index=index, arguments=letter) for letter in call.arguments]
        parts += [Delta(tool_calls=[piece]) for piece in pieces]
    parts.append(Delta(finish_reason=choice.finish_reason, stop=choice.stop))
    usage = Usage(
        input_tokens=made.input_tokens, output_tokens=made.output_tokens, model=made.model
    )
    return [*parts, Delta(usage=usage)]


def _claude_part(chunk: Json) -> str:
    return str(chunk.get("delta", {}).get("text", ""))


def _blocks_said(answer: Json) -> str:
    return "".join(one.get("text", "") for one in answer["output"]["message"]["content"])


def _blocks_part(chunk: Json) -> str:
    return str(chunk.get("contentBlockDelta", {}).get("delta", {}).get("text", ""))


def _choice(answer: Json) -> Json:
    return answer["choices"][0] if answer["choices"] else {"delta": {}}


FAMILIES: dict[str, Family] = {
    "titan": Family(
        "amazon.titan-text-express-v1",
        {"inputText": "Hello"},
        lambda answer: answer["results"][0]["outputText"],
        lambda chunk: chunk["outputText"],
    ),
    "claude": Family(
        "anthropic.claude-3-haiku-20240307-v1:0",
        CLAUDE,
        lambda answer: "".join(one.get("text", "") for one in answer["content"]),
        _claude_part,
    ),
    "claude-text": Family(
        "anthropic.claude-v2",
        {"prompt": "\n\nHuman: Hello\n\nAssistant:"},
        lambda answer: answer["completion"].removeprefix(" "),
        lambda chunk: chunk["completion"],
    ),
    "llama": Family(
        "meta.llama3-8b-instruct-v1:0",
        {"prompt": "Hello"},
        lambda answer: answer["generation"],
        lambda chunk: chunk["generation"],
    ),
    "mistral": Family(
        "mistral.mistral-7b-instruct-v0:2",
        {"prompt": "<s>[INST] Hello [/INST]"},
        lambda answer: answer["outputs"][0]["text"],
        lambda chunk: chunk["outputs"][0]["text"],
    ),
    "mistral-chat": Family(
        "mistral.mistral-large-2402-v1:0",
        {"messages": USER},
        lambda answer: _choice(answer)["message"]["content"],
        lambda chunk: _choice(chunk)["message"]["content"],
    ),
    "command": Family(
        "cohere.command-text-v14",
        {"prompt": "Hello"},
        lambda answer: answer["generations"][0]["text"],
        lambda chunk: chunk.get("text", ""),
    ),
    "command-r": Family(
        "cohere.command-r-v1:0",
        {"message": "Hello"},
        lambda answer: answer["text"],
        lambda chunk: chunk.get("text", ""),
    ),
    "nova": Family("amazon.nova-lite-v1:0", BLOCKS, _blocks_said, _blocks_part),
    "converse": Family("converse", BLOCKS, _blocks_said, _blocks_part),
    "jamba": Family(
        "ai21.jamba-1-5-mini-v1:0",
        {"messages": USER},
        lambda answer: _choice(answer)["message"]["content"],
        lambda chunk: _choice(chunk)["delta"].get("content", ""),
    ),
    "own": Family(
        "my-adapter",
        {"messages": USER},
        lambda answer: _choice(answer)["message"]["content"],
        lambda chunk: _choice(chunk)["delta"].get("content", ""),
    ),
}
