"""How prompts are made of templates, passages, questions and history."""

import pytest

from kit.errors import InvalidRequest
from services.search.ports import Turn
from services.search.service.answers.condense import condense
from services.search.service.answers.passage import Passage
from services.search.service.answers.prompts import OUTPUT_FORMAT_INSTRUCTIONS, render

PASSAGES = [Passage("First.", "s3://a"), Passage("Second $query$.", "s3://b")]
HISTORY = [Turn("user", "Who?"), Turn("assistant", "Ada.")]


def test_the_default_prompt_numbers_the_passages_and_asks_for_markers() -> None:
    prompt = render("How?", PASSAGES)
    (turn,) = prompt.turns
    assert '<search_result id="2">\nSecond $query$.\n</search_result>' in turn.text
    assert "<question>\nHow?\n</question>" in turn.text
    assert OUTPUT_FORMAT_INSTRUCTIONS in turn.text
    assert prompt.cited


def test_a_placeholder_within_a_passage_or_question_stays_text() -> None:
    prompt = render("$search_results$?", PASSAGES, template="$search_results$ | $query$")
    assert prompt.turns[-1].text.endswith("| $search_results$?")
    assert "Second $query$." in prompt.turns[-1].text


def test_a_template_without_format_instructions_is_not_cited() -> None:
    assert not render("How?", PASSAGES, template="$search_results$ $query$").cited


def test_a_template_without_the_query_becomes_the_systems_turn() -> None:
    prompt = render("How?", PASSAGES, template="Be brief. $search_results$", history=HISTORY)
    assert [turn.role for turn in prompt.turns] == ["system", "user", "assistant", "user"]
    assert prompt.turns[-1].text == "How?"


def test_history_goes_where_the_template_says() -> None:
    template = "$conversation_history$\n$search_results$\n$query$"
    (turn,) = render("How?", PASSAGES, template=template, history=HISTORY).turns
    assert turn.text.startswith("User: Who?\nAssistant: Ada.\n")


def test_history_comes_before_the_prompt_otherwise() -> None:
    prompt = render("How?", PASSAGES, history=HISTORY)
    assert list(prompt.turns[:2]) == HISTORY


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "0 characters"),
        ("$search_results$" + "x" * 3985, "4001"),
        ("$query$", "search_results"),
    ],
)
def test_a_template_that_cannot_do_is_refused_by_its_member(template: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as caught:
        render("How?", PASSAGES, template=template)
    assert caught.value.param == "textPromptTemplate"


def test_a_follow_up_is_condensed_with_the_users_turns_only() -> None:
    history = [Turn("user", "What was the revenue in 2019?"), Turn("assistant", "In 1999, $5.")]
    assert condense("and, 2021?", history) == "What was the revenue in 2021?"
