"""What every embedding engine promises."""

import asyncio

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.errors import InvalidRequest, RateLimited
from services.search.ports import Embedder

TEXTS = [
    "The invoice is due within thirty days of delivery.",
    "cats",
    "Rinse the lentils, cover them with water and simmer for twenty minutes. " * 9,
    "How do I reset my password?",
    "A tenant may withhold rent when the heating fails in winter.",
    "Größenänderung: naïve café, 東京 and 🦙🏽‍♀️ with e\u0301 and \u202eright-to-left\u202c",
]
ODD = ["", " ", "\x00", "\ud800", "\u200b" * 50, "é" * 3, "🦙" * 400, "a" * 5000, "\n\t\r"]


async def test_vectors_have_unit_length_and_the_models_dimension(embedder: Embedder) -> None:
    made = await embedder.embed(TEXTS)
    assert made.vectors.shape == (len(TEXTS), embedder.dimension) == (len(TEXTS), 384)
    assert made.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)


async def test_a_texts_vector_does_not_depend_on_its_neighbours(embedder: Embedder) -> None:
    together = (await embedder.embed(TEXTS * 3)).vectors
    for row, text in enumerate(TEXTS * 3):
        alone = (await embedder.embed([text])).vectors[0]
        np.testing.assert_allclose(together[row], alone, atol=1e-5)


async def test_near_in_meaning_is_near_in_space(embedder: Embedder) -> None:
    asked = "When must the bill be paid?"
    vectors = (await embedder.embed([asked, TEXTS[0], TEXTS[2]], kind="query")).vectors
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


async def test_no_texts_make_no_vectors(embedder: Embedder) -> None:
    made = await embedder.embed([])
    assert made.vectors.shape == (0, embedder.dimension)
    assert made.tokens == []


async def test_odd_texts_have_vectors(embedder: Embedder) -> None:
    made = await embedder.embed(ODD)
    assert np.isfinite(made.vectors).all()
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)
    assert made.tokens[0] == 0


async def test_long_texts_are_cut_where_the_model_stops_reading(embedder: Embedder) -> None:
    head = "word " * embedder.max_tokens
    cut, whole = (await embedder.embed([head, head + "tail " * 2_000_000])).vectors
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    made = await embedder.embed([head + "tail", "one two"])
    assert made.tokens == [embedder.max_tokens, 2]


async def test_a_text_of_ten_megabytes_without_a_space_is_embedded(embedder: Embedder) -> None:
    made = await asyncio.wait_for(embedder.embed(["x" * 10_000_000]), timeout=20)
    assert made.tokens[0] <= embedder.max_tokens


async def test_texts_of_many_callers_come_back_to_their_callers(embedder: Embedder) -> None:
    calls = [[text, f"{text} {number}"] for number, text in enumerate(TEXTS * 4)]
    answers = await asyncio.gather(*(embedder.embed(call) for call in calls))
    for call, answer in zip(calls[:6], answers[:6], strict=True):
        alone = (await embedder.embed(call)).vectors
        np.testing.assert_allclose(answer.vectors, alone, atol=1e-5)


async def test_a_caller_that_gives_up_harms_no_other(embedder: Embedder) -> None:
    leaving = asyncio.create_task(embedder.embed(TEXTS * 8))
    staying = asyncio.create_task(embedder.embed(TEXTS))
    await asyncio.sleep(0.01)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    made = (await staying).vectors
    np.testing.assert_allclose(made, (await embedder.embed(TEXTS)).vectors, atol=1e-5)


async def test_past_the_longest_wait_a_caller_is_told_when_to_come_back(narrow: Embedder) -> None:
    first = asyncio.create_task(narrow.embed(TEXTS[:3]))
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        narrow.check_room(["one more"])
    with pytest.raises(RateLimited) as refused:
        await narrow.embed(["one more"])
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= 30
    assert len((await narrow.embed(["one more"], patient=True)).tokens) == 1
    await first
    assert len((await narrow.embed(["one more"])).tokens) == 1


async def test_an_idle_engine_takes_a_call_of_any_size(narrow: Embedder) -> None:
    assert len((await narrow.embed(TEXTS)).tokens) == len(TEXTS)


async def test_the_event_loop_runs_on_while_texts_are_embedded(embedder: Embedder) -> None:
    await embedder.embed(["warm"])
    work = asyncio.create_task(embedder.embed(TEXTS * 4))
    turns = 0
    while not work.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 5


async def test_token_spans_lie_in_the_text_and_say_its_words(embedder: Embedder) -> None:
    text = "Größe of the 🦙 naïve café"
    words = [text[start:end] for start, end in embedder.token_spans(text)]
    assert words[-1] == "café"
    assert "🦙" in words
    assert "".join(words) == text.replace(" ", "")
    assert embedder.count_tokens(text) == len(words)


async def test_long_texts_are_measured_like_short_ones(embedder: Embedder) -> None:
    text = "The quick brown fox. " * 20_000
    spans = embedder.token_spans(text)
    assert len(spans) == embedder.count_tokens(text) == 100_000
    assert [text[start:end] for start, end in spans[-5:]] == ["The", "quick", "brown", "fox", "."]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=400))
async def test_token_spans_are_in_order_and_in_bounds(embedder: Embedder, text: str) -> None:
    spans = embedder.token_spans(text)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


async def test_token_ids_are_read_back(embedder: Embedder) -> None:
    assert embedder.decode([2129, 2079, 1045, 25141]) == "how do i reset"


@pytest.mark.parametrize("token_id", [-1, 30522, 10**9])
async def test_ids_outside_the_vocabulary_are_refused(embedder: Embedder, token_id: int) -> None:
    with pytest.raises(InvalidRequest, match="vocabulary"):
        embedder.decode([101, token_id])
