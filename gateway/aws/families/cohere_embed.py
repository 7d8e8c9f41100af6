"""Cohere embed v3, for texts."""

from uuid import uuid4

from contracts.search.embeddings import EmbedRequest
from gateway.aws.families.family import Invoked, Json, Members
from gateway.aws.registry import Call

_TYPES = ("float", "int8", "uint8", "binary", "ubinary")
_INPUTS = ("search_document", "search_query", "classification", "clustering")
_MEMBERS = {"texts", "input_type", "truncate", "embedding_types"}


async def invoke(call: Call, model: str, body: Json) -> Invoked:
    """With `embedding_types` the vectors come by type, otherwise as floats."""
    members = Members(body, _MEMBERS)
    texts = members.texts("texts", most=96)
    query = members.one_of("input_type", _INPUTS) == "search_query"
    members.one_of("truncate", ("NONE", "START", "END"), "END")
    types = members.some_of("embedding_types", _TYPES, ["float"])
    made = await call.backends.search.embed(
        call.principal,
        EmbedRequest(model=model, texts=texts, kind="query" if query else "document"),
    )
    rows = made.rows()
    answer: Json = {"id": str(uuid4()), "texts": texts}
    if "embedding_types" in body:
        answer["response_type"] = "embeddings_by_type"
        answer["embeddings"] = {kind: [_as_type(row, kind) for row in rows] for kind in types}
    else:
        answer["response_type"] = "embeddings_floats"
        answer["embeddings"] = rows
    return Invoked(answer, sum(made.tokens))


def _as_type(row: list[float], kind: str) -> list[float] | list[int]:
    """Components scaled by 127 for 8-bit types; signs packed 8 to a byte for binary ones."""
    if kind == "float":
        return row
    if kind in ("int8", "uint8"):
        shift = 128 if kind == "uint8" else 0
        return [round(component * 127) + shift for component in row]
    packed = [
        sum((component > 0) << (7 - bit) for bit, component in enumerate(row[at : at + 8]))
        for at in range(0, len(row), 8)
    ]
    return packed if kind == "ubinary" else [byte - 128 for byte in packed]
