"""What messages of blocks come to, whatever the blocks are called."""

from contracts.generation.messages import ChatMessage, Part, TextPart


def content_of(parts: list[Part]) -> str | list[Part]:
    """Text alone is a string, which the templates of all models can read."""
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    return "\n".join(texts) if len(texts) == len(parts) else parts


def continues(said: list[ChatMessage]) -> bool:
    """Whether the last message begins the answer, which then goes on from it."""
    return said[-1].role == "assistant" and not said[-1].tool_calls
