"""RetrieveAndGenerate through boto3: citations, templates, sessions and streams."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import CLAUDE, Knowledge

DOCUMENTS = {
    "alder.txt": "The town of Alder was founded in 1902. Its bridge is made of oak.",
    "birch.txt": "The town of Birch was founded in 1950. Its bridge is made of iron.",
    "elm.txt": "Élan 😀 café: the mayor of Elm is Zoë Brontë. She was elected in 2019.",
}
GENERATION = "generationConfiguration"


@pytest.fixture(scope="module")
def towns(platform: Platform) -> Knowledge:
    knowledge = Knowledge.create(platform)
    for key, text in DOCUMENTS.items():
        knowledge.put(key, text)
    knowledge.sync()
    return knowledge


def template(text: str) -> dict[str, Any]:
    return {GENERATION: {"promptTemplate": {"textPromptTemplate": text}}}


def test_an_answer_cites_what_supports_it(towns: Knowledge) -> None:
    answered = towns.ask("When was the town of Alder founded?")
    assert "1902" in answered["output"]["text"]
    [citation] = answered["citations"]
    part = citation["generatedResponsePart"]["textResponsePart"]
    span = part["span"]
    assert answered["output"]["text"][span["start"] : span["end"] + 1] == part["text"]
    [reference] = citation["retrievedReferences"]
    assert reference["location"]["s3Location"]["uri"].endswith("/alder.txt")


def test_spans_count_code_points(towns: Knowledge) -> None:
    answered = towns.ask("Who is the mayor of Elm?")
    text = answered["output"]["text"]
    assert "Zoë Brontë" in text
    for citation in answered["citations"]:
        part = citation["generatedResponsePart"]["textResponsePart"]
        assert text[part["span"]["start"] : part["span"]["end"] + 1] == part["text"]
        for reference in citation["retrievedReferences"]:
            start = int(reference["metadata"]["x-undercroft-source-start"])
            end = int(reference["metadata"]["x-undercroft-source-end"])
            assert DOCUMENTS["elm.txt"][start:end]


def test_what_no_passage_answers_is_refused(towns: Knowledge) -> None:
    answered = towns.ask("What is the boiling point of mercury?")
    assert "unable to assist" in answered["output"]["text"]
    assert all(not one["retrievedReferences"] for one in answered["citations"])


def test_one_result_is_all_that_an_answer_may_use(towns: Knowledge) -> None:
    search = {"vectorSearchConfiguration": {"numberOfResults": 1}}
    answered = towns.ask("When was the town of Birch founded?", retrievalConfiguration=search)
    found = [r for one in answered["citations"] for r in one["retrievedReferences"]]
    assert {one["location"]["s3Location"]["uri"].rpartition("/")[2] for one in found} == {
        "birch.txt"
    }


def test_a_template_with_format_instructions_is_cited(towns: Knowledge) -> None:
    words = "Answer from: $search_results$\nQuestion: $query$\n$output_format_instructions$"
    answered = towns.ask("When was the town of Alder founded?", **template(words))
    assert "1902" in answered["output"]["text"]
    assert answered["citations"][0]["retrievedReferences"]


def test_a_template_without_format_instructions_is_not_cited(towns: Knowledge) -> None:
    words = "Answer from: $search_results$\nQuestion: $query$"
    answered = towns.ask("When was the town of Alder founded?", **template(words))
    assert "1902" in answered["output"]["text"]
    assert not any(one["retrievedReferences"] for one in answered["citations"])


def test_a_template_without_search_results_is_refused(towns: Knowledge) -> None:
    with pytest.raises(ClientError, match="search_results") as raised:
        towns.ask("When?", **template("Just answer: $query$"))
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_a_follow_up_is_understood_by_its_session(towns: Knowledge) -> None:
    first = towns.ask("When was the town of Birch founded?")
    second = towns.ask("What is its bridge made of?", first["sessionId"])
    assert second["sessionId"] == first["sessionId"]
    assert "iron" in second["output"]["text"]


@pytest.mark.parametrize("session", ["0" * 36, "unknown", "x" * 101, "no spaces"])
def test_an_unknown_session_is_refused(towns: Knowledge, session: str) -> None:
    with pytest.raises(ClientError, match=r"(?i)session") as raised:
        towns.ask("When was the town of Birch founded?", session)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("question", ["", "  ", "x" * 25_000])
def test_a_bad_question_is_refused_by_its_member(
    platform: Platform, towns: Knowledge, question: str
) -> None:
    client = platform.boto3("bedrock-agent-runtime", parameter_validation=False)
    with pytest.raises(ClientError, match=r"input\.text") as raised:
        client.retrieve_and_generate(**towns.question(question))
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_an_unknown_model_is_refused(towns: Knowledge) -> None:
    with pytest.raises(ClientError, match="acme") as raised:
        towns.ask(
            "When was the town of Birch founded?", modelArn=CLAUDE.replace("anthropic", "acme")
        )
    assert raised.value.response["Error"]["Code"] in (
        "ValidationException",
        "ResourceNotFoundException",
    )


def test_a_stream_says_what_the_whole_answer_says(towns: Knowledge) -> None:
    asked = towns.question("When was the town of Alder founded?")
    streamed = towns.client("bedrock-agent-runtime").retrieve_and_generate_stream(**asked)
    events = list(streamed["stream"])
    text = "".join(event["output"]["text"] for event in events if "output" in event)
    cited = [event["citation"] for event in events if "citation" in event]
    whole = towns.ask("When was the town of Alder founded?")
    assert streamed["sessionId"]
    assert text == whole["output"]["text"]
    assert len(cited) == len(whole["citations"])
    part = cited[0]["citation"]["generatedResponsePart"]["textResponsePart"]
    assert text[part["span"]["start"] : part["span"]["end"] + 1] == part["text"]
    again = towns.ask("What is its bridge made of?", streamed["sessionId"])
    assert "oak" in again["output"]["text"]


def test_a_stream_that_is_refused_has_a_status_of_its_own(towns: Knowledge) -> None:
    asked = towns.question("When?", "unknown")
    with pytest.raises(ClientError) as raised:
        towns.client("bedrock-agent-runtime").retrieve_and_generate_stream(**asked)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
