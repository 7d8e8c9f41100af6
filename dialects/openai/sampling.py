"""What OpenAI's chats and completions have in common: sampling, streaming, and who asks."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.generation.requests import MOST_STOPS, Stop
from dialects.body import Json
from dialects.openai.body import Body, ListOf
from kit.errors import InvalidRequest

Hint = Annotated[str, Field(max_length=512)]


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool = False
    """Padding against those who watch the length of encrypted packets: never added here."""


class Sampled(Body):
    """The last five members are vLLM's, which the openai package sends as `extra_body`."""

    model: Annotated[str, Field(min_length=1, max_length=2048)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Stop | Annotated[ListOf[Stop], Field(max_length=MOST_STOPS)] = Field(default_factory=list)
    n: Annotated[int, Field(ge=1, le=16)] = 1
    logit_bias: dict[str, Any] = Field(default_factory=dict)
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: Hint | None = None
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    min_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    ignore_eos: bool = False

    def sampling(self) -> dict[str, Any]:
        """As the contract's members. Raises InvalidRequest for what is not served."""
        if self.logit_bias:
            raise InvalidRequest(
                "logit_bias is not served, for its token ids differ with every model; leave it "
                "out.",
                param="logit_bias",
            )
        if self.stream_options is not None and not self.stream:
            raise InvalidRequest(
                "stream_options is only allowed with `stream: true`.", param="stream_options"
            )
        told = {name: getattr(self, name) for name in _AS_THEY_ARE}
        return told | {
            "top_k": self.top_k if self.top_k is not None and self.top_k > 0 else None,
            "stop": [self.stop] if isinstance(self.stop, str) else self.stop,
        }


def includes_usage(body: Json) -> bool:
    """Whether the caller of a stream wants to be told what it took."""
    return bool((body.get("stream_options") or {}).get("include_usage"))


_AS_THEY_ARE = (
    "model", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "n",
    "stream", "min_p", "min_tokens", "repetition_penalty", "ignore_eos",
)  # fmt: skip


class Kept(Body):
    """What OpenAI keeps, routes or caches by; none of it changes an answer."""

    metadata: dict[Annotated[str, Field(max_length=64)], Hint] = Field(
        default_factory=dict, max_length=16, fail_fast=True
    )
    store: Literal[False] = False
    service_tier: Literal["auto", "default"] = "auto"
    safety_identifier: Hint | None = None
    prompt_cache_key: Hint | None = None
