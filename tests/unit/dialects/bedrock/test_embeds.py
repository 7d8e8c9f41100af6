"""Embeddings of makers: which form their answers have."""

import struct
from typing import Any

import pytest

from contracts.search.embeddings import EmbedReply
from dialects.bedrock.cohere_embed import CohereEmbed
from kit.errors import InvalidRequest

BODY = {"texts": ["hi"], "input_type": "search_query"}
MADE = EmbedReply(model="m", dimension=2, vectors=struct.pack("<2f", 1, 0), tokens=[1])


@pytest.mark.parametrize(
    ("more", "embeddings"),
    [
        ({}, [[1, 0]]),
        ({"embedding_types": None}, [[1, 0]]),
        ({"embedding_types": ["float", "int8"]}, {"float": [[1, 0]], "int8": [[127, 0]]}),
    ],
)
def test_vectors_come_by_type_where_types_are_named(more: dict[str, Any], embeddings: Any) -> None:
    body = BODY | more
    CohereEmbed().read("m", body)
    assert CohereEmbed().whole(body, MADE)["embeddings"] == embeddings


def test_a_type_is_made_once() -> None:
    """Each is made for every text, so a list of thousands would hold everybody up."""
    with pytest.raises(InvalidRequest) as raised:
        CohereEmbed().read("m", BODY | {"embedding_types": ["int8"] * 6})
    assert raised.value.param == "embedding_types"
