"""POST /embeddings."""

from contracts.generation.invocations import FindTarget, Target
from dialects.body import Json, read_body
from dialects.openai.embeddings import EmbeddingsDialect
from gateway.embedding import embed
from gateway.hosted import reached
from gateway.openai.asked import model_name
from gateway.openai.call import Call, json_response
from gateway.response import Response
from kit.errors import InvalidRequest, NotFound

_DIALECT = EmbeddingsDialect()


async def create_embeddings(call: Call) -> Response:
    """Raises NotFound where no embedding model has the name."""
    body = read_body(call.body)
    if call.hosted:
        body = await _hosted(call, body)
    request = _DIALECT.read(model_name(body), body)
    made = await embed(call.backends, call.principal, call.operation, request)
    return json_response(_DIALECT.whole(body, made))


async def _hosted(call: Call, body: Json) -> Json:
    """With the name of the endpoint's model, which it may leave out."""
    found = await reached(call.backends, call.principal, FindTarget(endpoint=call.hosted))
    if isinstance(found, Target):
        raise InvalidRequest(f"Endpoint {call.hosted} answers with text; it makes no embeddings.")
    name = body.get("model") or call.hosted
    if call.backends.catalogue.owner(str(name)) is not found:
        raise NotFound(f"Endpoint {call.hosted} does not serve the model {name!r}.", param="model")
    return {**body, "model": name}
