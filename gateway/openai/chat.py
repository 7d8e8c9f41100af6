"""POST /chat/completions: whole, or as server-sent events."""

from dialects.body import read_body
from dialects.dialect import Exchange
from dialects.openai.chat import ChatDialect
from gateway.generating import generate, stream
from gateway.openai.asked import asked_model
from gateway.openai.call import Call, json_response
from gateway.openai.sse import event_stream
from gateway.response import Response

_DIALECT = ChatDialect()


async def create_chat_completion(call: Call) -> Response:
    body = read_body(call.body)
    asked = await asked_model(call, body)
    request = asked.of(_DIALECT.read(asked.model, body))
    exchange = Exchange(asked.name, body, request)
    how = (call.backends, call.principal, call.operation, request)
    if request.stream:
        deltas = stream(*how, size=len(call.body))
        return await event_stream(call, _DIALECT.parts(exchange, deltas))
    made = await generate(*how, size=len(call.body))
    return json_response(_DIALECT.whole(exchange, made))
