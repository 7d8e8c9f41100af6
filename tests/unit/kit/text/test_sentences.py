# ruff: noqa: RUF001, E501
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.text.sentences import sentence_spans


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met Mrs. Jones. They spoke.", ["Dr. Smith met Mrs. Jones.", "They spoke."]),
        ("It costs 3.14 dollars. Fine.", ["It costs 3.14 dollars.", "Fine."]),
        ("See Fig. 3 and No. 5 of Jan. 7. Then go.", ["See Fig. 3 and No. 5 of Jan. 7.", "Then go."]),
        ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
        ("He lives in the U.S. The flag is old.", ["He lives in the U.S.", "The flag is old."]),
        ("The U.S. Army came at 5 p.m. today.", ["The U.S. Army came at 5 p.m. today."]),
        ("Use fruit, e.g. Apples or pears. Eat.", ["Use fruit, e.g. Apples or pears.", "Eat."]),
        ("Acme Inc. Chief Jo left. Acme Inc. The end.",
         ["Acme Inc. Chief Jo left.", "Acme Inc.", "The end."]),
        ('"Really?" he asked. "Yes." She left.', ['"Really?" he asked.', '"Yes."', "She left."]),
        ("It took 5 ms. Ms. Jones paid 3.5. Fees rose.", ["It took 5 ms.", "Ms. Jones paid 3.5.", "Fees rose."]),
        ("So do I. Users live on Main St. The end.", ["So do I.", "Users live on Main St.", "The end."]),
        ("Wait... what? Well... No.", ["Wait... what?", "Well...", "No."]),
        ("(It ended.) New one.", ["(It ended.)", "New one."]),
        ("今日は晴れ。明日は雨！「そう。」と言った", ["今日は晴れ。", "明日は雨！", "「そう。」", "と言った"]),
        ("你好。再见。", ["你好。", "再见。"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("See https://a.example/x.html?y=1 now. Ok.", ["See https://a.example/x.html?y=1 now.", "Ok."]),
        ("A line that\nwraps here. Next.", ["A line that\nwraps here.", "Next."]),
        ("Title\n\nBody text", ["Title", "Body text"]),
        ("# Head\ntext goes on", ["# Head", "text goes on"]),
        ("Buy:\n- milk\n- eggs\n1. first\n2. second",
         ["Buy:", "- milk", "- eggs", "1. first", "2. second"]),
        ("| a | b |\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),
        ("Refund policy\nCustomers may return any item within thirty days of purchase.",
         ["Refund policy", "Customers may return any item within thirty days of purchase."]),
        ("A\r\n\r\nB", ["A", "B"]),
        ("", []),
        (" \n\t ", []),
        ("...", ["..."]),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.text(alphabet=st.sampled_from("aB1 .!?…。\n\"')([-#|*\t\u3000é😀"), max_size=200))
def test_spans_are_ordered_trimmed_and_cover_all_but_white_space(text: str) -> None:
    covered, last = "", 0
    for start, end in sentence_spans(text):
        assert last <= start < end
        assert text[start:end] == text[start:end].strip()
        assert not text[last:start].strip()
        covered += text[start:end]
        last = end
    assert not text[last:].strip()


@pytest.mark.parametrize(
    "unit", [".", ". ", "\n", ".\n ", "a.", "A. ", '."', "\n\n ", " ", "x", "\n-"]
)
def test_hostile_repetition_stays_linear(unit: str) -> None:
    begin = time.process_time()
    sentence_spans(unit * 200_000 + "a")
    assert time.process_time() - begin < 4


def test_a_row_of_a_table_is_a_sentence_of_its_own() -> None:
    rows = [
        "id,name,town,note",
        "1,Ann Hill,Cork,Pays 1,200 a month",
        "2,Bo Ek,Lund,Paid; moved away",
    ]
    text = "\n".join(rows)
    assert [text[start:end] for start, end in sentence_spans(text)] == rows


def test_commas_in_wrapped_prose_do_not_make_it_a_table() -> None:
    text = "They sold apples, pears, plums, 1,200,300 cherries, nuts\nand a little honey."
    assert sentence_spans(text) == [(0, len(text))]
