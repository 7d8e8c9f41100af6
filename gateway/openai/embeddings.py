"""POST /embeddings: strings or token arrays in, floats or base64 out."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.search.embeddings import EmbedRequest
from gateway.openai.call import Body, Call, json_response, read
from gateway.response import Response

_MOST = 2048
Tokens = Annotated[list[int], Field(min_length=1)]


class EmbeddingsRequest(Body):
    """OpenAI's `input` in its four forms."""

    model: str
    input: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=_MOST)]
        | Tokens
        | Annotated[list[Tokens], Field(min_length=1, max_length=_MOST)]
    )
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None


async def create_embeddings(call: Call) -> Response:
    asked = read(call, EmbeddingsRequest)
    ask = EmbedRequest(model=asked.model, dimensions=asked.dimensions, **_input(asked.input))
    async with call.spending(asked.model) as spent:
        made = await call.backends.search.embed(call.principal, ask)
        tokens = spent.tokens_in = sum(made.tokens)
    vectors: list[Any] = made.rows() if asked.encoding_format == "float" else made.packed_rows()
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_response({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _input(given: str | list[str] | list[int] | list[list[int]]) -> dict[str, Any]:
    if isinstance(given, str):
        return {"texts": [given]}
    if isinstance(given[0], str):
        return {"texts": given}
    return {"token_ids": [given] if isinstance(given[0], int) else given}
