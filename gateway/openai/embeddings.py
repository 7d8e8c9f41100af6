"""POST /embeddings: strings or token arrays in, floats or base64 out."""

from typing import Any, Literal

from contracts.search.embeddings import EmbedRequest
from gateway.openai.call import Body, Call, json_response, read
from gateway.response import Response
from kit.errors import InvalidRequest

_MOST = 2048


class EmbeddingsRequest(Body):
    """OpenAI's `input` in its four forms."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None


async def create_embeddings(call: Call) -> Response:
    asked = read(call, EmbeddingsRequest)
    ask = EmbedRequest(model=asked.model, dimensions=asked.dimensions, **_input(asked.input))
    async with call.spending(asked.model, "embedding") as spent:
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
    if not given or (isinstance(given, list) and [] in given):
        raise InvalidRequest("input must not be empty.", param="input")
    if isinstance(given, str):
        return {"texts": [given]}
    if len(given) > _MOST:
        raise InvalidRequest(f"input may have {_MOST} members.", param="input")
    if isinstance(given[0], str):
        return {"texts": given}
    return {"token_ids": [given] if isinstance(given[0], int) else given}
