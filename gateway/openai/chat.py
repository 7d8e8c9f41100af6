"""POST /chat/completions: whole, or as server-sent events."""

from dialects.dialect import Exchange
from dialects.openai.body import parsed
from dialects.openai.chat import ChatDialect
from gateway.generating import generate, stream
from gateway.openai.call import Call, json_response
from gateway.openai.hosted import model_of
from gateway.openai.sse import event_stream
from gateway.response import Response

_DIALECT = ChatDialect()


async def create_chat_completion(call: Call) -> Response:
    body = parsed(call.body)
    name, component = await model_of(call, body)
    request = _DIALECT.read(name, body)
    if component:
        request = request.model_copy(update={"component": component})
    exchange = Exchange(name, body, request)
    how = (call.backends, call.principal, call.operation, request)
    if request.stream:
        deltas = stream(*how, size=len(call.body))
        return await event_stream(_DIALECT.parts(exchange, deltas))
    made = await generate(*how, size=len(call.body))
    return json_response(_DIALECT.whole(exchange, made))
