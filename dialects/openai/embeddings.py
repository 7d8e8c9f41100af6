"""POST /embeddings: strings or token arrays in, floats or base64 out."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.search.embeddings import EmbedReply, EmbedRequest
from dialects.body import Json, built
from dialects.openai.body import Body, ListOf, read
from kit.errors import InvalidRequest

_MOST = 2048


class EmbeddingsBody(Body):
    """OpenAI's `input` in its four forms."""

    model: Annotated[str, Field(min_length=1, max_length=2048)]
    input: str | ListOf[str] | ListOf[int] | ListOf[ListOf[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None


class EmbeddingsDialect:
    """Pure; one for all."""

    def read(self, model: str, body: Json) -> EmbedRequest:
        """`model` stands for the body's own."""
        asked = read(EmbeddingsBody, body | {"model": model})
        return built(EmbedRequest, model=model, dimensions=asked.dimensions, **_input(asked.input))

    def whole(self, body: Json, made: EmbedReply) -> Json:
        is_packed = body.get("encoding_format") == "base64"
        vectors: list[Any] = made.packed_rows() if is_packed else made.rows()
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(made.tokens)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _input(given: str | list[str] | list[int] | list[list[int]]) -> dict[str, Any]:
    if not given or (isinstance(given, list) and [] in given):
        raise InvalidRequest("input must not be empty.", param="input")
    if isinstance(given, str):
        return {"texts": [given]}
    if len(given) > _MOST:
        raise InvalidRequest(f"input may have {_MOST} members.", param="input")
    if isinstance(given[0], str):
        return {"texts": given}
    return {"token_ids": [given] if isinstance(given[0], int) else given}
