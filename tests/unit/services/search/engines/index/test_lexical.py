"""The BM25 encoder: languages, lengths, and what counts as a word."""

from dataclasses import replace

import pytest

from services.search.engines.index.lexical import (
    encode_document,
    encode_query,
    measure_average_length,
    supported_language,
)
from services.search.ports import CollectionSpec

SPEC = CollectionSpec(name="KB1", dimension=2, average_length=3.0)


@pytest.mark.parametrize(
    ("given", "found"),
    [("English", "english"), ("en-GB", "english"), ("pt_BR", "portuguese"), ("klingon", None)],
)
def test_a_language_goes_by_its_name_or_its_code(given: str, found: str | None) -> None:
    assert supported_language(given) == found


def test_words_are_stemmed_in_the_language_of_the_collection() -> None:
    query = encode_query(SPEC, "the runner was running")
    document = encode_document(SPEC, "she runs")
    assert query is not None
    assert set(document.indices) & set(query.indices)
    german = replace(SPEC, language="de")
    assert encode_query(german, "und die") is None
    assert encode_query(SPEC, "und die") is not None


def test_an_unknown_language_keeps_every_word_as_it_is() -> None:
    neutral = replace(SPEC, language="klingon")
    query = encode_query(neutral, "the runs")
    assert query is not None
    assert len(query.indices) == 2
    assert not set(encode_document(neutral, "run").indices) & set(query.indices)


@pytest.mark.parametrize("language", ["ja", "zh", "english", "klingon"])
def test_a_script_without_spaces_is_searched_by_pairs_of_letters(language: str) -> None:
    spec = replace(SPEC, language=language)
    document = encode_document(spec, "彼は東京で走る。NEC東京")
    query = encode_query(spec, "東京")
    assert query is not None
    assert set(query.indices) <= set(document.indices)
    assert not set(encode_document(spec, "京東").indices) & set(query.indices)


def test_the_average_length_counts_kept_words_with_repeats() -> None:
    assert measure_average_length(["the cat and the cat sat", "dogs"], "english") == 2.0
    assert measure_average_length(["word " * 3000], "english") == 3000.0
    assert measure_average_length([], "english") == 1.0
    assert measure_average_length(["the", ""], "english") == 1.0


def test_a_text_of_average_length_weighs_a_single_word_as_one() -> None:
    document = encode_document(SPEC, "alpha beta gamma")
    assert document.values == pytest.approx([1.0, 1.0, 1.0])
