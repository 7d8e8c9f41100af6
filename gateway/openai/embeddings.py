"""POST /embeddings."""

from dialects.openai.body import parsed
from dialects.openai.embeddings import EmbeddingsDialect
from gateway.openai.asked import model_name
from gateway.openai.call import Call, json_response
from gateway.response import Response

_DIALECT = EmbeddingsDialect()


async def create_embeddings(call: Call) -> Response:
    """Raises NotFound where no embedding model has the name."""
    body = parsed(call.body)
    name = model_name(body)
    request = _DIALECT.read(name, body)
    backends = call.backends
    model = backends.catalogue.find(name, kind="embedding").id
    async with backends.metering.spending(
        call.principal, call.operation, model, request_bytes=len(call.body)
    ) as spent:
        made = await backends.search.embed(call.principal, request)
        spent.tokens_in = sum(made.tokens)
    return json_response(_DIALECT.whole(body, made))
