"""Cohere embed v3, for texts."""

from uuid import uuid4

from contracts.search.embeddings import EmbedReply, EmbedRequest
from dialects.body import Json, Members, built

_TYPES = ("float", "int8", "uint8", "binary", "ubinary")
_INPUTS = ("search_document", "search_query", "classification", "clustering")
_MEMBERS = {"texts", "input_type", "truncate", "embedding_types"}
_MOST_TEXTS = 96


class CohereEmbed:
    """EmbeddingDialect."""

    def read(self, model: str, body: Json) -> EmbedRequest:
        members = Members(body, _MEMBERS)
        texts = members.texts("texts", most=_MOST_TEXTS)
        is_query = members.one_of("input_type", _INPUTS) == "search_query"
        members.one_of("truncate", ("NONE", "START", "END"), "END")
        members.some_of("embedding_types", _TYPES, ["float"])
        kind = "query" if is_query else "document"
        return built(EmbedRequest, model=model, texts=texts, kind=kind)

    def whole(self, body: Json, made: EmbedReply) -> Json:
        """With `embedding_types` the vectors come by type, otherwise as floats."""
        rows = made.rows()
        answer: Json = {"id": str(uuid4()), "texts": body["texts"]}
        if types := body.get("embedding_types"):
            answer["response_type"] = "embeddings_by_type"
            answer["embeddings"] = {kind: [_as_type(row, kind) for row in rows] for kind in types}
        else:
            answer["response_type"] = "embeddings_floats"
            answer["embeddings"] = rows
        return answer


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
