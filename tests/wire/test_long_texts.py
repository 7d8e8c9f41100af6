"""Nothing of a long text is lost: not of one to embed, nor of a chunk; data that is no text is."""

import openai
import pytest

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge

FILLER = "The committee met again and went through the minutes of the meeting before. "


def test_what_stands_at_the_end_counts(platform: Platform) -> None:
    def embed(text: str) -> tuple[list[float], int]:
        made = platform.openai().embeddings.create(model="all-minilm-l6-v2", input=text)
        return made.data[0].embedding, made.usage.prompt_tokens

    plain, plain_tokens = embed(FILLER * 60)
    other, other_tokens = embed(FILLER * 60 + "Zebras graze on the plains of the Serengeti. " * 20)
    assert plain != other
    assert 254 < plain_tokens < other_tokens


def test_a_text_that_no_model_would_take_is_refused(platform: Platform) -> None:
    with pytest.raises(openai.BadRequestError, match="8192"):
        platform.openai().embeddings.create(model="all-minilm-l6-v2", input="word " * 9000)


def test_a_fact_at_the_end_of_a_long_chunk_is_found_and_the_chunk_returned(
    platform: Platform,
) -> None:
    chunking = {
        "chunkingStrategy": "FIXED_SIZE",
        "fixedSizeChunkingConfiguration": {"maxTokens": 2000, "overlapPercentage": 10},
    }
    knowledge = Knowledge.create(platform, chunking=chunking)
    fact = "The boiler in the east wing is serviced by Halvorsen every October."
    knowledge.put("minutes.txt", FILLER * 80 + fact)
    knowledge.put("menu.txt", "On Fridays there is fish.")
    knowledge.sync()
    [best, *_] = knowledge.retrieve("Who services the boiler?", overrideSearchType="SEMANTIC")
    assert best["content"]["text"].endswith(fact)
    assert best["content"]["text"].startswith("The committee")


def test_a_line_of_ten_megabytes_fails_and_the_others_go_on(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.put("line.txt", "word " * (2 << 20))
    knowledge.put("menu.txt", "On Fridays there is fish.")
    job = knowledge.ingest()
    assert job["statistics"]["numberOfDocumentsFailed"] == 1
    assert job["statistics"]["numberOfNewDocumentsIndexed"] == 1
    assert any("line" in reason for reason in job["failureReasons"])
