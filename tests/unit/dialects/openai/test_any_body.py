"""Whatever JSON comes, OpenAI's dialects read it or name what is wrong; nothing else happens."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.openai.chat import ChatBody, ChatDialect
from dialects.openai.completions import CompletionBody, CompletionDialect
from dialects.openai.embeddings import EmbeddingsBody, EmbeddingsDialect
from kit.errors import InvalidRequest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = st.sampled_from(
    ["type", "text", "role", "user", "content", "function", "name", "tool", "image_url", "url",
     "data:image/png;base64,", "json_schema", "schema", "$ref", "#", "assistant", "tool_calls"]
)  # fmt: skip
ANY = st.recursive(
    SCALARS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
Read = Callable[[str, dict[str, Any]], Any]
READERS: list[tuple[Read, list[str]]] = [
    (ChatDialect().read, list(ChatBody.model_fields)),
    (CompletionDialect().read_all, [*CompletionBody.model_fields, "suffix", "best_of"]),
    (EmbeddingsDialect().read, list(EmbeddingsBody.model_fields)),
]
GOOD = {"messages": [{"role": "user", "content": "a"}], "prompt": "a", "input": "a"}


@pytest.mark.parametrize(("read", "members"), READERS)
@given(data=st.data())
@settings(max_examples=100)
def test_any_value_of_any_member_is_read_or_refused(
    read: Read, members: list[str], data: st.DataObject
) -> None:
    body = {name: value for name, value in GOOD.items() if name in members} | {"model": "m"}
    body |= data.draw(st.dictionaries(st.sampled_from(members), ANY, max_size=4))
    with suppress(InvalidRequest):
        read("m", body)


@pytest.mark.parametrize(("read", "members"), READERS)
@given(body=st.dictionaries(WORDS | st.text(max_size=5), ANY, max_size=5))
@settings(max_examples=50)
def test_any_body_is_read_or_refused(read: Read, members: list[str], body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        read("m", body)
