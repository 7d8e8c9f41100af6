"""Titan text embeddings v1 and v2."""

from contracts.search.embeddings import EmbedReply, EmbedRequest
from dialects.body import Json, Members, built

_TYPES = ("float", "binary")
_MOST_DIMENSIONS = 4096


class TitanEmbedV1:
    """EmbeddingDialect."""

    def read(self, model: str, body: Json) -> EmbedRequest:
        text = Members(body, {"inputText"}).text("inputText")
        return built(EmbedRequest, model=model, texts=[text])

    def whole(self, body: Json, made: EmbedReply) -> Json:
        return {"embedding": made.rows()[0], "inputTextTokenCount": made.tokens[0]}


class TitanEmbedV2:
    """EmbeddingDialect.

    `normalize` changes nothing: the model behind the name makes unit vectors only.
    """

    def read(self, model: str, body: Json) -> EmbedRequest:
        members = _v2(body)
        members.flag("normalize", default=True)
        _types(members)
        return built(
            EmbedRequest,
            model=model,
            texts=[members.text("inputText")],
            dimensions=members.integer("dimensions", least=1, most=_MOST_DIMENSIONS),
        )

    def whole(self, body: Json, made: EmbedReply) -> Json:
        """`binary` is the sign of each component, as a list of 0 and 1."""
        types = _types(_v2(body))
        vector = made.rows()[0]
        by_type: Json = {}
        if "float" in types:
            by_type["float"] = vector
        if "binary" in types:
            by_type["binary"] = [int(component > 0) for component in vector]
        answer: Json = {"inputTextTokenCount": made.tokens[0], "embeddingsByType": by_type}
        if "float" in types:
            answer["embedding"] = vector
        return answer


def _v2(body: Json) -> Members:
    return Members(body, {"inputText", "dimensions", "normalize", "embeddingTypes"})


def _types(members: Members) -> list[str]:
    return members.some_of("embeddingTypes", _TYPES, ["float"])
