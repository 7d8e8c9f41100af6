"""How the extractive engine reads requests, bounds its answers and says what it is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.generation.answers import Generation
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from kit.catalogue import load
from kit.text.followups import stand_alone
from services.generation.engines.extractive.answering import answer
from services.generation.engines.extractive.engine import NO_PASSAGES, REFUSAL, ExtractiveEngine
from services.generation.engines.extractive.prompt import read_prompt
from services.generation.ports import Asked

MODEL = load().find("extractive")
CONTEXT = "The harbour opened in 1903. Boats pay 12 euros a night. Swimming is not allowed."
QUESTION = "How much do boats pay a night?"
ANSWER = "Boats pay 12 euros a night."


async def chat(*messages: tuple[str, str], **more: object) -> Generation:
    request = ChatRequest(
        model="extractive",
        messages=[ChatMessage(role=role, content=text) for role, text in messages],  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )
    return await ExtractiveEngine().generate(Asked("tenant", MODEL, request))


@pytest.mark.parametrize(
    "prompt",
    [
        f"Answer from this.\n<context>\n{CONTEXT}\n</context>\n<question>\n{QUESTION}\n</question>",
        f'<search_results><search_result id="1">\n{CONTEXT}\n</search_result></search_results>'
        f"\n\n{QUESTION}",
        f"INSTRUCTIONS:\nUse the CONTEXT only.\nQUERY: {QUESTION}\nCONTEXT: {CONTEXT}\n",
        f"Context: {CONTEXT}\n\nQuestion: {QUESTION}\nAnswer:",
        "Use the following pieces of context to answer the question at the end.\nIf you don't know"
        f" the answer, just say that you don't know.\n\n{CONTEXT}\n\nQuestion: {QUESTION}\n"
        "Helpful Answer:",
        "You are Jarvis.\nUse the following pieces of context to answer the question at the end.\n"
        "If you don't know the answer, say that you don't know, don't try to make up an answer\n"
        f"{CONTEXT}\nHuman: Hello\nAI: Hello!\nHuman: {QUESTION}\nChatbot:",
    ],
)
async def test_passages_and_question_are_found_in_a_prompt_by_their_marks(prompt: str) -> None:
    assert (await chat(("user", prompt))).text == ANSWER


async def test_passages_in_the_systems_turn_serve_the_users_question() -> None:
    answer = await chat(("system", f"<context>{CONTEXT}</context>"), ("user", QUESTION))
    assert answer.text == ANSWER


async def test_passages_in_an_earlier_turn_serve_the_last_question() -> None:
    turns = [("user", f"Be brief.\n\n<context>{CONTEXT}</context>"), ("assistant", "Yes?")]
    assert (await chat(*turns, ("user", f"{QUESTION}\nChatbot:"))).text == ANSWER


async def test_the_question_of_the_request_goes_before_the_prompt() -> None:
    answer = await chat(("user", "rendered prompt"), passages=[CONTEXT], question=QUESTION)
    assert answer.text == ANSWER


async def test_without_passages_it_refuses_and_says_what_it_is() -> None:
    answer = await chat(("user", "Write a poem about the sea."))
    assert (answer.text, answer.first.finish_reason) == (NO_PASSAGES, "refusal")
    assert "not a language model" in answer.text


async def test_with_no_passage_retrieved_it_refuses() -> None:
    answer = await chat(("user", QUESTION), passages=[])
    assert (answer.text, answer.first.finish_reason) == (REFUSAL, "refusal")


@pytest.mark.parametrize("question", ["", "?!", "the of and", "🙂", "\u0301"])
async def test_a_question_that_asks_nothing_is_refused(question: str) -> None:
    assert (await chat(("user", question), passages=[CONTEXT])).first.finish_reason == "refusal"


async def test_a_stop_sequence_cuts_the_answer() -> None:
    answer = await chat(("user", QUESTION), passages=[CONTEXT], stop=["euros"])
    assert (answer.text, answer.first.finish_reason) == ("Boats pay 12", "stop_sequence")


async def test_max_tokens_cuts_after_as_many_words() -> None:
    answer = await chat(("user", QUESTION), passages=[CONTEXT], max_tokens=2)
    assert (answer.text, answer.first.finish_reason, answer.output_tokens) == (
        "Boats pay",
        "length",
        2,
    )


async def test_an_answer_that_points_back_brings_the_sentence_before() -> None:
    passage = "The Ferrier lamp came in 1931. It burned paraffin and a little oil."
    answer = await chat(("user", "Which lamp burned paraffin and oil?"), passages=[passage])
    assert answer.text == passage


async def test_a_sentence_in_two_overlapping_passages_is_said_once() -> None:
    answer = await chat(("user", "Is swimming allowed?"), passages=[CONTEXT, CONTEXT])
    assert answer.text == "Swimming is not allowed."


async def test_line_breaks_within_a_sentence_are_read_as_spaces() -> None:
    answer = await chat(("user", QUESTION), passages=["Boats pay\n12 euros a\nnight."])
    assert answer.text == ANSWER


@pytest.mark.parametrize(
    ("text", "question", "passages"),
    [
        (
            f"<CONTEXT>{CONTEXT}</context> <text>open {QUESTION}",
            f"<text>open {QUESTION}",
            [CONTEXT],
        ),
        ("<text>a <text>b</text> c</text> Why?", "c</text> Why?", ["a <text>b"]),
        ("</text><text>a</text><context>b</Context><QUERY>Q</query>", "Q", ["a", "b"]),
        ("<documents><document index='1'>a</document></documents>Why?", "Why?", ["a"]),
        ("Read the following text:\nIf you don't\nknow, say so.\na\nQuery: Why?", "Why?", ["a"]),
        ("Use the following context\na\nQuestion: Who?\n\nQuestion:\nWhy?\nNo.", "Why?", ["a"]),
        ("Context: a\nQuestion: Why?\nQuestion:\n\nAnswer:", "Why?", ["a"]),
    ],
)
def test_marks_end_where_the_next_mark_says(text: str, question: str, passages: list[str]) -> None:
    reading = read_prompt([ChatMessage(role="user", content=text)])
    assert reading is not None
    assert (reading.question, list(reading.passages)) == (question, passages)


def test_a_sentence_that_leads_to_no_line_leads_to_no_passage() -> None:
    assert read_prompt([ChatMessage(role="user", content="Use the following text: none")]) is None


@settings(max_examples=60)
@given(st.text(max_size=200), st.lists(st.text(max_size=300), max_size=4))
def test_any_text_is_answered_or_refused_with_words_of_the_passages(
    question: str, passages: list[str]
) -> None:
    squeezed = [" ".join(passage.split()) for passage in passages]
    for sentence in answer(question, passages):
        assert any(" ".join(sentence.split()) in passage for passage in squeezed)


@pytest.mark.parametrize(
    "piece", ["1", " ", "x@", "A.", "-1a", "(1", "www.", "how many ", "[", "\n"]
)
def test_hostile_text_costs_linear_time(piece: str) -> None:
    junk = piece * (60_000 // len(piece))
    began = time.process_time()
    answer("How many steps?", [junk])
    answer(junk, ["There are 198 steps."])
    stand_alone(junk, [junk])
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("lead", "piece", "end"),
    [
        ("", "<text>", ""),
        (f"<context>{CONTEXT}</context>", "<query>", ""),
        ("<context>", "<document ", "</context> Who?"),
        ("", "use the following text ", ""),
        ("use the following text\n", "don't know ", ""),
        (f"<context>{CONTEXT}</context>", "query:\n", ""),
        (f"<context>{CONTEXT}</context>", "call ", "?"),
    ],
)
async def test_hostile_marks_cost_linear_time(lead: str, piece: str, end: str) -> None:
    prompt = lead + piece * (400_000 // len(piece)) + end
    began = time.process_time()
    await chat(("user", prompt))
    assert time.process_time() - began < 10


@pytest.mark.parametrize("form", ["A{}. ", "Boat{:x}s sail far. "])
def test_a_question_as_long_as_its_passages_costs_linear_time(form: str) -> None:
    text = "".join(form.format(number) for number in range(50_000 // len(form)))
    began = time.process_time()
    answer(text, [text])
    assert time.process_time() - began < 10
