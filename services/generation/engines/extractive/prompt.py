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
from services.generation.engines.extractive.elements import elements, without

# Nothing stops an expression on its way: each must take linear time, whatever the text.
_PASSAGES = ("context", "search_results", "documents", "passages", "text")
_QUESTIONS = ("question", "query")
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
    r"(?:retrieved\s+)?(?:context|passages?|documents?|information|text)\b",
    re.IGNORECASE,
)
_LEAD_IN_GOES_ON = re.compile(r"\bdon'?t\s+know\b", re.IGNORECASE)
_INNER_TAG = re.compile(
    r"</?(?:search_result|document|passage|source|index|document_content)\b[^<>]*>"
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
    marked = elements(text, _PASSAGES)
    if marked:
        return _clean([element.inner for element in marked]), without(text, marked)
    opening = _opening(text)
    if opening is None:
        return None
    start, begin = opening
    ends = (_QUESTION_LABEL.search(text, begin), _ANSWER_LABEL.search(text, begin))
    end = min((match.start() for match in ends if match), default=len(text))
    return _clean([text[begin:end]]), text[:start] + "\n\n" + text[end:]


def _opening(text: str) -> tuple[int, int] | None:
    """Where the label or the sentence that leads to the passages starts, and where it ends."""
    label = _CONTEXT_LABEL.search(text)
    if label is not None:
        return label.span()
    lead_in = _LEAD_IN.search(text)
    line = text.find("\n", lead_in.end()) + 1 if lead_in else 0
    if lead_in is None or not line:
        return None
    # The line after may say what to do if the passages do not answer.
    goes_on = _LEAD_IN_GOES_ON.search(text, line)
    if goes_on is None or goes_on.start() > text.find("\n", line):
        return lead_in.start(), line
    return lead_in.start(), text.find("\n", goes_on.end()) + 1 or line


def _clean(passages: Sequence[str]) -> list[str]:
    parts = [_INNER_TAG.sub("\n\n", passage).strip() for passage in passages]
    return [part for part in parts if part]


def _question(rest: str) -> str:
    for element in elements(rest, _QUESTIONS):
        return element.inner
    rest = _ANSWER_LABEL.sub("", rest)
    for label in reversed(list(_QUESTION_LABEL.finditer(rest))):
        end = rest.find("\n\n", label.end())
        asked = rest[label.end() : end if end >= 0 else len(rest)].strip()
        if asked:
            return asked.split("\n", 1)[0]
    paragraphs = [part.strip() for part in rest.split("\n\n") if part.strip()]
    asking = [part for part in paragraphs if "?" in part]
    return (asking or paragraphs or [""])[-1]
