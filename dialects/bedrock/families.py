"""Which payload a model's name stands for: the longest beginning of its id that is known."""

from collections.abc import Iterable

from dialects.bedrock.by_body import ByBody
from dialects.bedrock.claude_messages import ClaudeMessages
from dialects.bedrock.claude_text import ClaudeText
from dialects.bedrock.cohere_chat import CohereChat
from dialects.bedrock.cohere_command import CohereCommand
from dialects.bedrock.cohere_embed import CohereEmbed
from dialects.bedrock.llama import Llama
from dialects.bedrock.mistral_chat import MistralChat
from dialects.bedrock.mistral_text import MistralText
from dialects.bedrock.nova import Nova
from dialects.bedrock.openai_chat import OpenAIChat
from dialects.bedrock.titan_embed import TitanEmbedV1, TitanEmbedV2
from dialects.bedrock.titan_text import TitanText
from dialects.dialect import EmbeddingDialect, TextDialect

_TEXT: dict[str, TextDialect] = {
    "ai21.jamba": OpenAIChat(),
    "amazon.nova": Nova(),
    "amazon.titan-text": TitanText(),
    "amazon.titan-tg1": TitanText(),
    "anthropic.claude": ClaudeMessages(),
    "anthropic.claude-instant": ClaudeText(),
    "anthropic.claude-v2": ClaudeText(),
    "cohere.command": CohereCommand(),
    "cohere.command-r": CohereChat(),
    "meta.llama": Llama(),
    "mistral.": ByBody(("messages", MistralChat()), ("prompt", MistralText())),
}
_EMBEDDING: dict[str, EmbeddingDialect] = {
    "amazon.titan-embed": TitanEmbedV1(),
    "amazon.titan-embed-text-v2": TitanEmbedV2(),
    "cohere.embed": CohereEmbed(),
}
_OWN = ByBody(
    ("anthropic_version", ClaudeMessages()),
    ("schemaVersion", Nova()),
    ("messages", OpenAIChat()),
    ("inputText", TitanText()),
    ("message", CohereChat()),
    ("max_tokens", MistralText()),
    ("prompt", Llama()),
)


def text_dialect(name: str) -> TextDialect:
    """Models that are not AWS's are asked in the form that the body has."""
    return _TEXT.get(_beginning(name, _TEXT), _OWN)


def embedding_dialect(name: str) -> EmbeddingDialect:
    return _EMBEDDING.get(_beginning(name, _EMBEDDING), _EMBEDDING["amazon.titan-embed"])


def _beginning(name: str, known: Iterable[str]) -> str:
    return max((one for one in known if name.startswith(one)), key=len, default="")
