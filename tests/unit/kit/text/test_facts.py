"""Amounts, identifiers and names compare by what they mean, and follow-ups stand alone."""

import pytest

from kit.text.facts import identifiers, names, number_keys, numbers, plain_terms
from kit.text.followups import stand_alone
from kit.text.terms import stem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$245B", "245 billion dollars"),
        ("$2,830,067,000,000", "$2,830.067 billion"),
        ("29%", "29 percent"),
        ("29%", "29 per cent"),
        ("three days", "3 days"),
        ("a hundred million", "100,000,000"),
        ("1.50", "1.5"),
    ],
)
def test_the_same_amount_has_the_same_key(one: str, other: str) -> None:
    assert number_keys(one) == number_keys(other) != set()


@pytest.mark.parametrize(
    ("one", "other"), [("29%", "29"), ("$245B", "$245M"), ("1,234", "1.234"), ("2019", "2020")]
)
def test_different_amounts_have_different_keys(one: str, other: str) -> None:
    assert number_keys(one) != number_keys(other)


def test_only_bare_four_digit_numbers_are_years() -> None:
    found = numbers("In 2019 we sold 2,019 lamps for $2019, 2019% more; 3019 remain.")
    assert [number.is_year for number in found] == [True, False, False, False, False]


def test_identifiers_mix_letters_and_digits() -> None:
    text = "Order ORD-1042 for Graviton3 from ana.b@x.example cost $245B after a 25-year wait."
    assert identifiers(text) == {"ord-1042", "graviton3", "ana.b@x.example"}


def test_names_are_capitals_where_no_sentence_begins() -> None:
    assert names("Growth at Meridian was fine. The AWS team met Dana's people.") == {
        "meridian",
        "aw",
        "dana",
    }


def test_forms_of_a_word_share_a_stem() -> None:
    assert {stem(word) for word in ("grow", "grew", "Growing", "growth")} == {"grow"}


def test_plain_terms_leave_out_stop_words_and_amounts() -> None:
    assert plain_terms("What was the revenue of $245 billion in 2019?") == ["revenu"]


@pytest.mark.parametrize(
    ("earlier", "question", "expected"),
    [
        ([], "and, 2021?", "2021?"),
        (["What was revenue in 2019?"], "and, 2021?", "What was revenue in 2021?"),
        (["What was revenue in 2019?", "and, 2021?"], "2022", "What was revenue in 2022?"),
        (["What was the revenue?"], "And 2020?", "What was the revenue in 2020?"),
        (["Who is Ada?"], "Tell me again what was the profit?", "what was the profit?"),
        (["Who is Ada?"], "Where are Basalt chips made?", "Where are Basalt chips made?"),
        (["What is the B3 chip?"], "How much did it cost?", "How much did it cost? (B3 chip)"),
        (["Did revenue fall in Peru?"], "Why?", "Why? (revenue fall Peru)"),
    ],
)  # fmt: skip
def test_a_follow_up_is_made_to_stand_alone(
    earlier: list[str], question: str, expected: str
) -> None:
    assert stand_alone(question, earlier) == expected


def test_a_part_of_an_amount_is_no_identifier() -> None:
    assert identifiers("from $24.5M to €51.4m with ORD-1042 and Lynx3") == {"ord-1042", "lynx3"}
