"""Titan text embeddings v1 and v2."""

from contracts.search.embeddings import EmbedRequest
from gateway.aws.families.family import Invoked, Json, Members
from gateway.aws.registry import Call

_TYPES = ("float", "binary")


async def invoke_v1(call: Call, model: str, body: Json) -> Invoked:
    text = Members(body, {"inputText"}).text("inputText")
    made = await call.backends.search.embed(call.principal, EmbedRequest(model=model, texts=[text]))
    tokens = made.tokens[0]
    return Invoked({"embedding": made.rows()[0], "inputTextTokenCount": tokens}, tokens)


async def invoke_v2(call: Call, model: str, body: Json) -> Invoked:
    """`binary` is the sign of each component, as a list of 0 and 1.

    `normalize` changes nothing: the model behind the name makes unit vectors only.
    """
    members = Members(body, {"inputText", "dimensions", "normalize", "embeddingTypes"})
    members.flag("normalize", default=True)
    types = members.some_of("embeddingTypes", _TYPES, ["float"])
    ask = EmbedRequest(
        model=model,
        texts=[members.text("inputText")],
        dimensions=members.integer("dimensions"),
    )
    made = await call.backends.search.embed(call.principal, ask)
    vector, tokens = made.rows()[0], made.tokens[0]
    by_type: Json = {}
    if "float" in types:
        by_type["float"] = vector
    if "binary" in types:
        by_type["binary"] = [int(component > 0) for component in vector]
    answer: Json = {"inputTextTokenCount": tokens, "embeddingsByType": by_type}
    if "float" in types:
        answer["embedding"] = vector
    return Invoked(answer, tokens)
