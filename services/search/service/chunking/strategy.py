"""How documents are cut into chunks: Bedrock's chunkingConfiguration, checked and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from kit.errors import InvalidRequest

_MEMBER: Final = "vectorIngestionConfiguration.chunkingConfiguration"
_MAX_TOKENS: Final = (1, 8192)
_DEFAULT_TOKENS: Final = 300


@dataclass(frozen=True, slots=True)
class FixedSize:
    """Whole sentences up to `max_tokens`; each chunk repeats the end of the one before it."""

    max_tokens: int = _DEFAULT_TOKENS
    overlap_percentage: int = 0
    """0 only in the default strategy; Bedrock's FIXED_SIZE has 1 to 99."""
    prefer_headings: bool = False

    @property
    def overlap_tokens(self) -> int:
        return self.max_tokens * self.overlap_percentage // 100


@dataclass(frozen=True, slots=True)
class Whole:
    """NONE: a document is one chunk."""


@dataclass(frozen=True, slots=True)
class Hierarchical:
    """Children are searched, their parents returned; chunks of a level overlap by tokens."""

    parent_tokens: int
    child_tokens: int
    overlap_tokens: int


@dataclass(frozen=True, slots=True)
class Semantic:
    """Cuts where neighbouring sentences differ most in meaning."""

    max_tokens: int
    buffer_size: int
    percentile: int


ChunkingStrategy: TypeAlias = FixedSize | Whole | Hierarchical | Semantic

DEFAULT: Final = FixedSize(prefer_headings=True)
"""What Bedrock does without a configuration: about 300 tokens, on sentence bounds."""


def parse_strategy(configuration: Mapping[str, Any] | None) -> ChunkingStrategy:
    """Raises InvalidRequest that names the member that is missing or out of range."""
    if not configuration:
        return DEFAULT
    name = configuration.get("chunkingStrategy")
    match name:
        case "NONE":
            return Whole()
        case "FIXED_SIZE":
            return _fixed_size(_Member(configuration).inner("fixedSizeChunkingConfiguration"))
        case "HIERARCHICAL":
            return _hierarchical(_Member(configuration).inner("hierarchicalChunkingConfiguration"))
        case "SEMANTIC":
            return _semantic(_Member(configuration).inner("semanticChunkingConfiguration"))
    raise InvalidRequest(
        "chunkingStrategy must be one of FIXED_SIZE, NONE, HIERARCHICAL, SEMANTIC.",
        param=f"{_MEMBER}.chunkingStrategy",
    )


def _fixed_size(member: "_Member") -> FixedSize:
    return FixedSize(
        member.number("maxTokens", *_MAX_TOKENS), member.number("overlapPercentage", 1, 99)
    )


def _hierarchical(member: "_Member") -> Hierarchical:
    levels = member.value.get("levelConfigurations")
    path = f"{member.path}.levelConfigurations"
    if not isinstance(levels, list) or len(levels) != 2:
        raise InvalidRequest("levelConfigurations must have exactly 2 levels.", param=path)
    parent, child = (
        _Member.of(level, f"{path}[{at}]").number("maxTokens", *_MAX_TOKENS)
        for at, level in enumerate(levels)
    )
    if child > parent:
        raise InvalidRequest(
            "The second level's maxTokens (children) must not exceed the first's (parents).",
            param=f"{path}[1].maxTokens",
        )
    overlap = member.number("overlapTokens", 1, _MAX_TOKENS[1])
    if overlap >= child:
        raise InvalidRequest(
            "overlapTokens must be smaller than the maxTokens of the child level.",
            param=f"{member.path}.overlapTokens",
        )
    return Hierarchical(parent, child, overlap)


def _semantic(member: "_Member") -> Semantic:
    return Semantic(
        member.number("maxTokens", *_MAX_TOKENS),
        member.number("bufferSize", 0, 1),
        member.number("breakpointPercentileThreshold", 50, 99),
    )


class _Member:
    """A structure of the configuration that knows where it stands, for the error's `param`."""

    def __init__(self, value: Mapping[str, Any], path: str = _MEMBER) -> None:
        self.value, self.path = value, path

    @classmethod
    def of(cls, value: object, path: str) -> "_Member":
        if not isinstance(value, Mapping):
            raise InvalidRequest(f"{path.rpartition('.')[2]} is required.", param=path)
        return cls(value, path)

    def inner(self, name: str) -> "_Member":
        return self.of(self.value.get(name), f"{self.path}.{name}")

    def number(self, name: str, low: int, high: int) -> int:
        value = self.value.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidRequest(
                f"{name} must be a whole number from {low} to {high}.", param=f"{self.path}.{name}"
            )
        return value
