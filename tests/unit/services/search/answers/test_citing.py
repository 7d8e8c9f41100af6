"""Which passages a sentence of an answer is cited with, and which false citations are taken out."""

from collections.abc import Sequence

import pytest

from services.search.service.answers.citations import CitedAnswer, cite
from services.search.service.answers.passage import Passage

LETTER = Passage(
    "We launched Aurora in 2019. Our revenue was $245B in 2019. It grew by 29% to $434 billion"
    " in 2022. Nobody at Meridian was dismissed.",
    "s3://kb/letter.pdf",
    source_start=1000,
    source_end=1132,
    page=4,
)
TOWER = Passage("The tower has 198 steps. Dogs are not allowed inside.", "s3://kb/tower.txt")
PASSAGES = [LETTER, TOWER]


async def cited(answer: str, question: str = "", **more: object) -> CitedAnswer:
    return await cite(answer, PASSAGES, question=question, **more)  # type: ignore[arg-type]


def passages(answer: CitedAnswer) -> list[list[int]]:
    return [[ref.passage for ref in citation.references] for citation in answer.citations]


async def test_markers_are_taken_out_and_their_passages_cited() -> None:
    answer = await cited("Aurora was launched in 2019 [1]. The tower has 198 steps [2].")
    assert answer.text == "Aurora was launched in 2019. The tower has 198 steps."
    assert passages(answer) == [[0], [1]]


@pytest.mark.parametrize(
    "answer",
    [
        "The tower has 198 steps [1].",
        "The tower has 198 steps.[1]",
        "The tower has 198 steps. [1]",
        "The tower has 198 steps [7].",
        "The tower has 198 steps.",
    ],
)
async def test_a_wrong_or_missing_marker_is_put_right_by_the_evidence(answer: str) -> None:
    found = await cited(answer)
    assert found.text == "The tower has 198 steps."
    assert passages(found) == [[1]]


@pytest.mark.parametrize(
    "claim",
    [
        "Aurora was launched in 2018 [1].",
        "Our revenue was $246B in 2019 [1].",
        "It grew by 29 billion in 2022 [1].",
        "Borealis was launched in 2019, said Aurora's maker Contoso [1].",
        "Our revenue was $434B in 2019 [1].",
        "It was $245B in 2022 and $434 billion in 2019 [1].",
        "Dogs are allowed inside [2].",
        "Our revenue fell by 29% to $434 billion in 2022 [1].",
        "The tower is made of granite and marble [2].",
        "Its architect was a student of Schinkel [2].",
        "Order ORD-1042 covers the tower and its 198 steps [2].",
    ],
)
async def test_a_planted_false_claim_keeps_no_reference(claim: str) -> None:
    answer = await cited(claim)
    assert passages(answer) == [[]]
    assert "[" not in answer.text
    assert answer.groundedness == 0


@pytest.mark.parametrize(
    "refusal",
    [
        "Sorry, I am unable to assist you with this request.",
        "I could not find an exact answer to the question [1].",
        "The search results do not contain the price of the tower with 198 steps [2].",
        "I don't know.",
    ],
)
async def test_a_refusal_carries_no_reference(refusal: str) -> None:
    assert passages(await cited(refusal)) == [[]]


@pytest.mark.parametrize(
    "claim",
    [
        "Our revenue was $245B in 2019 and $434B in 2022 [1].",
        "From $245B in 2019, our revenue grew to $434B in 2022 [1].",
        "In 2022 our revenue was $434B, after $245B in 2019 [1].",
    ],
)
async def test_amounts_given_to_their_own_years_are_cited(claim: str) -> None:
    assert passages(await cited(claim)) == [[0]]


async def test_amounts_may_be_written_another_way() -> None:
    answer = await cited("Revenue grew 29 percent, to $434B, in 2022 [1].")
    assert passages(answer) == [[0]]


async def test_the_owners_name_is_excused_where_the_text_says_we_and_the_question_named_it() -> (
    None
):
    claim = "In 2019 the revenue of Meridiano was $245B [1]."
    assert passages(await cited(claim)) == [[]]
    asked = "What was the revenue of Meridiano in 2019?"
    assert passages(await cited(claim, asked)) == [[0]]


async def test_neighbours_with_the_same_passages_share_a_span() -> None:
    answer = await cited("Aurora was launched in 2019 [1]. Revenue was $245B in 2019 [1].")
    (citation,) = answer.citations
    assert citation.text == answer.text
    (reference,) = citation.references
    assert (reference.source_start, reference.source_end) == (1000, 1058)


async def test_the_supporting_sentence_is_found_in_the_source() -> None:
    answer = await cited("Nobody at Meridian was dismissed.")
    (reference,) = answer.citations[0].references
    start, end = reference.source_start, reference.source_end
    assert start is not None
    assert end is not None
    assert LETTER.text[start - 1000 : end - 1000] == "Nobody at Meridian was dismissed."
    assert reference.metadata() == {
        "x-undercroft-source-start": float(start),
        "x-undercroft-source-end": float(end),
        "x-undercroft-source-page": 4.0,
    }


async def test_a_passage_of_unknown_place_gives_no_offsets() -> None:
    answer = await cited("The tower has 198 steps.")
    assert answer.citations[0].references[0].metadata() == {}


async def test_a_paraphrase_is_accepted_when_the_embeddings_are_close() -> None:
    claim = "Pet dogs and cats may not go inside [2]."

    async def close(_: str, others: Sequence[str]) -> list[float]:
        return [0.9 for _ in others]

    async def far(_: str, others: Sequence[str]) -> list[float]:
        return [0.1 for _ in others]

    assert passages(await cited(claim, similarity=close)) == [[1]]
    assert passages(await cited(claim, similarity=far)) == [[]]


async def test_close_embeddings_do_not_excuse_a_wrong_number() -> None:
    async def close(_: str, others: Sequence[str]) -> list[float]:
        return [1.0 for _ in others]

    assert passages(await cited("The tower has 199 steps [2].", similarity=close)) == [[]]


async def test_groundedness_is_the_share_of_the_text_with_support() -> None:
    answer = await cited("The tower has 198 steps. Elves built it long ago.")
    assert 0.4 < answer.groundedness < 0.6


async def test_an_empty_answer_has_no_citation() -> None:
    answer = await cited("  ")
    assert (answer.text, answer.citations) == ("", ())
