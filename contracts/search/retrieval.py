"""Questions to a knowledge base: passages, and answers with citations."""

from typing import Any, Literal

from pydantic import Field

from contracts.contract import Contract

SearchType = Literal["SEMANTIC", "HYBRID"]


class RetrievalOptions(Contract):
    results: int = Field(default=5, ge=1, le=100)
    search_type: SearchType | None = None
    """None lets the knowledge base choose: HYBRID."""
    filter: dict[str, Any] | None = None
    """Bedrock's filter expression."""
    min_score: float | None = Field(default=None, ge=0, le=1)
    """Cut-off on the cosine; None takes the knowledge base's own."""


class RetrieveRequest(Contract):
    knowledge_base: str
    query: str = Field(max_length=20_000)
    options: RetrievalOptions = RetrievalOptions()
    token: str | None = Field(default=None, max_length=2048)


class Passage(Contract):
    """`start` and `end` are code points of the source's extracted text, `end` exclusive."""

    text: str
    score: float
    similarity: float | None
    document: str
    data_source: str
    source_type: Literal["S3", "CUSTOM"]
    chunk: str
    start: int
    end: int
    page: int | None
    metadata: dict[str, Any]


class Passages(Contract):
    """`model` is the id of the one that embedded the query, `tokens` what it read of it."""

    items: list[Passage]
    next_token: str | None = None
    model: str
    tokens: int


class InferenceOptions(Contract):
    max_tokens: int = Field(default=2048, ge=1, le=65_536)
    temperature: float = Field(default=0.0, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    stop: list[str] = Field(default_factory=list, max_length=4)


class AnswerRequest(Contract):
    knowledge_base: str
    question: str = Field(max_length=1000)
    model: str
    options: RetrievalOptions = RetrievalOptions()
    prompt_template: str | None = Field(default=None, min_length=1, max_length=4000)
    inference: InferenceOptions = InferenceOptions()
    session: str | None = None


class Citation(Contract):
    """`text == answer[start : end + 1]`, in code points; no passages: nothing supports it."""

    start: int
    end: int
    text: str
    passages: list[Passage]


class Answer(Contract):
    text: str
    citations: list[Citation]
    session: str
    model: str
    input_tokens: int
    output_tokens: int


class AnswerEvent(Contract):
    """A line of a streamed answer: a piece of text, or a citation for text that came before.

    The last one has neither, but the counts of what the model read and wrote.
    """

    session: str
    text: str | None = None
    citation: Citation | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class SessionId(Contract):
    knowledge_base: str
    session: str
