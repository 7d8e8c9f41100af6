"""Finds the passages and the question within a prompt that carries both, by their usual marks.

Passages: `<context>`, `<search_results>`, `<documents>`, `<passages>` or `<text>` elements; a label
`CONTEXT:` (also `Search results:`, `Documents:`, `Passages:`) up to the question's label or the
end; or what follows a sentence such as "Use the following pieces of context ...". The question: a
`<question>` or `<query>` element; the last label `QUERY:`, `Question:` or `Human:`; otherwise the
last paragraph outside of the passages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.generation.messages import ChatMessage

_ELEMENT = re.compile(
    r"<(context|search_results|documents|passages|text)>(.*?)</\1>", re.DOTALL | re.IGNORECASE
)
_QUESTION_ELEMENT = re.compile(r"<(question|query)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_CONTEXT_LABEL = re.compile(
    r"^[ \t]*(?:context|search results|documents|passages)[ \t]*:", re.MULTILINE | re.IGNORECASE
)
_QUESTION_LABEL = re.compile(
    r"^[ \t]*(?:query|question|user question|human|user)[ \t]*:[ \t]*", re.MULTILINE | re.IGNORECASE
)
_ANSWER_LABEL = re.compile(
    r"^[ \t]*(?:assistant|helpful answer|answer|chatbot|ai|bot)[ \t]*:[^\n]*", re.MULTILINE | re.I
)
_LEAD_IN = re.compile(
    r"(?:use|using|given|read)\s+(?:only\s+)?the\s+following\s+(?:pieces?\s+of\s+)?"
    r"(?:retrieved\s+)?(?:context|passages?|documents?|information|text)\b[^\n]*\n"
    r"(?:[^\n]*\bdon'?t\s+know\b[^\n]*\n)?",
    re.IGNORECASE,
)
_INNER_TAG = re.compile(
    r"</?(?:search_result|document|passage|source|index|document_content)\b[^>]*>"
)


@dataclass(frozen=True, slots=True)
class Reading:
    question: str
    passages: tuple[str, ...]


def read_prompt(messages: Sequence[ChatMessage]) -> Reading | None:
    """The last message that carries passages, with the question; None where there are none."""
    said_after = ""  # the last thing that the user says after the passages is the question
    for message in reversed(messages):
        if message.role == "assistant":
            continue
        found = _split(message.text)
        if found is not None:
            passages, rest = found
            return Reading(_question(said_after or rest).strip(), tuple(passages))
        if message.role == "user":
            said_after = said_after or message.text
    return None


def _split(text: str) -> tuple[list[str], str] | None:
    """Passages, and the text without them."""
    elements = [match[2] for match in _ELEMENT.finditer(text)]
    if elements:
        return _clean(elements), _ELEMENT.sub("\n\n", text)
    start = _CONTEXT_LABEL.search(text) or _LEAD_IN.search(text)
    if start is None:
        return None
    ends = (_QUESTION_LABEL.search(text, start.end()), _ANSWER_LABEL.search(text, start.end()))
    end = min((match.start() for match in ends if match), default=len(text))
    return _clean([text[start.end() : end]]), text[: start.start()] + "\n\n" + text[end:]


def _clean(passages: Sequence[str]) -> list[str]:
    parts = [_INNER_TAG.sub("\n\n", passage).strip() for passage in passages]
    return [part for part in parts if part]


def _question(rest: str) -> str:
    element = _QUESTION_ELEMENT.search(rest)
    if element:
        return element[2]
    rest = _ANSWER_LABEL.sub("", rest)
    labels = list(_QUESTION_LABEL.finditer(rest))
    asked = [text for label in labels if (text := rest[label.end() :].split("\n\n")[0].strip())]
    if asked:
        return asked[-1].split("\n")[0]
    paragraphs = [part.strip() for part in rest.split("\n\n") if part.strip()]
    asking = [part for part in paragraphs if "?" in part]
    return (asking or paragraphs or [""])[-1]
