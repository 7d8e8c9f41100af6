"""Turns a question, passages and history into the turns that a text model answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.errors import InvalidRequest
from services.search.ports import Turn
from services.search.service.answers.passage import Passage

LONGEST_TEMPLATE = 4000

SEARCH_RESULTS = "$search_results$"
QUERY = "$query$"
OUTPUT_FORMAT = "$output_format_instructions$"
HISTORY = "$conversation_history$"

DEFAULT_TEMPLATE = f"""\
Answer the question from the numbered search results below and from nothing else. Check each claim \
in the question against the results before you rely on it. When the results do not hold the \
answer, say only: "Sorry, I am unable to assist you with this request."

<search_results>
{SEARCH_RESULTS}
</search_results>

<question>
{QUERY}
</question>

{OUTPUT_FORMAT}
"""

OUTPUT_FORMAT_INSTRUCTIONS = """\
Write plain sentences. End every sentence that uses a search result with that result's number in \
square brackets, such as [2], and with [1][3] when it uses two. Cite only numbers that are above."""

_PLACEHOLDER = re.compile("|".join(map(re.escape, (SEARCH_RESULTS, QUERY, OUTPUT_FORMAT, HISTORY))))


@dataclass(frozen=True, slots=True)
class Prompt:
    """`cited` tells whether the answer is to carry citations."""

    turns: tuple[Turn, ...]
    cited: bool


def check_template(template: str) -> None:
    """Raises InvalidRequest for a template that is empty, too long, or shows no results."""
    if not 1 <= len(template) <= LONGEST_TEMPLATE:
        raise InvalidRequest(
            f"textPromptTemplate has {len(template)} characters; give it 1 to {LONGEST_TEMPLATE}.",
            param="textPromptTemplate",
        )
    if SEARCH_RESULTS not in template:
        raise InvalidRequest(
            f"textPromptTemplate must contain {SEARCH_RESULTS}, where the passages go.",
            param="textPromptTemplate",
        )


def render(
    query: str,
    passages: Sequence[Passage],
    *,
    template: str | None = None,
    history: Sequence[Turn] = (),
) -> Prompt:
    """The prompt of one question; `history` holds the session's earlier turns, oldest first.

    Without $output_format_instructions$ nothing is cited. Without $query$ the template is the
    system's turn and the question a turn of its own. The history goes where
    $conversation_history$ stands, and before the prompt where it does not.
    """
    if template is None:
        template = DEFAULT_TEMPLATE
    else:
        check_template(template)
    values = {
        SEARCH_RESULTS: numbered(passages),
        QUERY: query,
        OUTPUT_FORMAT: OUTPUT_FORMAT_INSTRUCTIONS,
        HISTORY: "\n".join(f"{turn.role.capitalize()}: {turn.text}" for turn in history),
    }
    # One pass, so that a placeholder within a passage or a question stays text.
    text = _PLACEHOLDER.sub(lambda match: values[match.group()], template)
    before = () if HISTORY in template else tuple(history)
    if QUERY in template:
        turns = (*before, Turn("user", text))
    else:
        turns = (Turn("system", text), *before, Turn("user", query))
    return Prompt(turns, cited=OUTPUT_FORMAT in template)


def numbered(passages: Sequence[Passage]) -> str:
    """The passages as the model sees them, counted from 1."""
    return "\n".join(
        f'<search_result id="{number}">\n{passage.text.strip()}\n</search_result>'
        for number, passage in enumerate(passages, start=1)
    )
