"""Embeddings of endpoints: the payload of Voyage's containers, and that of JumpStart's."""

from contracts.search.embeddings import EmbedReply, EmbedRequest
from dialects.body import Json, Members, built
from kit.errors import InvalidRequest

_TRUNCATIONS = (True, False, None, "true", "false")
_MOST_TEXTS = 128


def read_embedding(model: str, body: Json) -> EmbedRequest:
    """`input` as Voyage has it, or `text_inputs` as JumpStart does. Raises InvalidRequest."""
    if "text_inputs" in body:
        members = Members(_listed(body, "text_inputs"), {"text_inputs", "mode"})
        texts = members.texts("text_inputs", most=_MOST_TEXTS)
        return built(EmbedRequest, model=model, texts=texts, kind="document")
    members = Members(_listed(body, "input"), {"input", "input_type", "truncation", "model"})
    kind = body.get("input_type")
    if kind not in (None, "query", "document"):
        raise InvalidRequest("input_type must be query or document.", param="input_type")
    truncation = body.get("truncation")
    if isinstance(truncation, list | dict) or truncation not in _TRUNCATIONS:
        raise InvalidRequest("truncation must be true or false.", param="truncation")
    texts = members.texts("input", most=_MOST_TEXTS)
    return built(EmbedRequest, model=model, texts=texts, kind=kind or "document")


def whole_embedding(body: Json, made: EmbedReply) -> Json:
    if "text_inputs" in body:
        return {"embedding": list(made.rows())}
    data = [
        {"object": "embedding", "embedding": row, "index": index}
        for index, row in enumerate(made.rows())
    ]
    usage = {"total_tokens": sum(made.tokens)}
    return {"object": "list", "data": data, "model": made.model, "usage": usage}


def _listed(body: Json, name: str) -> Json:
    return {**body, name: [body[name]]} if isinstance(body.get(name), str) else body
