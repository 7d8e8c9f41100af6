"""Converse: one form of chats for all models."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from contracts.generation.answers import Delta, Generation
from contracts.generation.messages import JsonFormat
from contracts.generation.requests import ChatRequest
from dialects.bedrock.converse_answer import STOPS, message_events, message_of, usage_of
from dialects.bedrock.converse_content import messages_of
from dialects.bedrock.converse_tools import tools_of
from dialects.bedrock.progress import Progress, reason_of
from dialects.bedrock.turns import continues
from dialects.body import Json, Members, built
from dialects.dialect import Exchange
from dialects.schemas import check_schema
from kit.json_size import CROWDED, is_crowded

_FIELDS = {
    "top_k", "k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "seed",
}  # fmt: skip
_MORE = "additionalModelRequestFields"
_PATHS = "additionalModelResponseFieldPaths"


class Converse:
    """TextDialect; blobs of the body are bytes, as the protocol has decoded them."""

    def read(self, model: str, body: Json) -> ChatRequest:
        members = Members(body)
        members.refuse("guardrailConfig", "promptVariables")
        members.object("performanceConfig").one_of("latency", ("standard",), "standard")
        members.object("serviceTier").one_of("type", ("default",), "default")
        _paths(members)
        config = members.object("inferenceConfig")
        said = messages_of(members)
        return built(
            ChatRequest,
            model=model,
            messages=said,
            continues=continues(said),
            max_tokens=config.tokens("maxTokens"),
            temperature=config.number("temperature", 0, 1),
            top_p=config.nucleus("topP"),
            stop=config.stops("stopSequences"),
            format=_format(members),
            **_more(members),
            **tools_of(members),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        answer: Json = {
            "output": {"message": message_of(made)},
            "stopReason": STOPS[reason_of(made.first)],
            "usage": usage_of(made),
            "metrics": {"latencyMs": exchange.milliseconds()},
            **_fields(exchange, made.first.stop),
        }
        return answer | _kept(exchange)

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        progress = Progress(exchange)
        async with aclosing(message_events(progress, deltas)) as events:
            async for event in events:
                yield event
        reason = STOPS[progress.reason()]
        yield {"messageStop": {"stopReason": reason, **_fields(exchange, progress.stop)}}
        told: Json = {"metrics": {"latencyMs": exchange.milliseconds()}, **_kept(exchange)}
        if progress.usage is not None:
            told["usage"] = usage_of(progress.usage)
        yield {"metadata": told}


def _more(members: Members) -> dict[str, Any]:
    """Sampling beyond Converse's own members; one that is not known is refused."""
    given = members.object(_MORE, _FIELDS | {"inferenceConfig"})
    nova = given.object("inferenceConfig", {"topK", "top_k"})
    likeliest = [
        found
        for found in (
            given.likeliest("top_k"),
            given.likeliest("k"),
            nova.likeliest("topK"),
            nova.likeliest("top_k"),
        )
        if found is not None
    ]
    return {
        "top_k": likeliest[0] if likeliest else None,
        "min_p": given.number("min_p", 0, 1),
        "repetition_penalty": given.number("repetition_penalty", 1e-6, 10),
        "presence_penalty": given.number("presence_penalty", -2, 2),
        "frequency_penalty": given.number("frequency_penalty", -2, 2),
        "seed": given.integer("seed", least=-(2**63), most=2**63 - 1),
    }


def _format(members: Members) -> JsonFormat | None:
    output = members.object("outputConfig")
    output.refuse("effort")
    if "textFormat" not in output:
        return None
    given = output.object("textFormat").object("structure").object("jsonSchema")
    where = f"{given.at}schema"
    raw = given.text("schema").encode()
    if is_crowded(raw):
        raise given.wrong("schema", f"has {CROWDED}")
    try:
        schema = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise given.wrong("schema", "must be JSON") from error
    if not isinstance(schema, dict):
        raise given.wrong("schema", "must be a JSON object")
    check_schema(schema, where)
    return built(JsonFormat, shape=schema, name=given.text("name", "answer"))


def _paths(members: Members) -> list[str]:
    """JSON pointers; raises InvalidRequest for what is none."""
    paths = members.texts(_PATHS, most=10) if members.body.get(_PATHS) else []
    if any(not path.startswith("/") for path in paths):
        raise members.wrong(_PATHS, "must be JSON pointers, such as /stop_sequence")
    return paths


def _fields(exchange: Exchange, stop: str | None) -> Json:
    """Of the model's own answer only the stop sequence is not in Converse's; others are absent."""
    if "/stop_sequence" not in _paths(Members(exchange.body)):
        return {}
    return {"additionalModelResponseFields": {"stop_sequence": stop}}


def _kept(exchange: Exchange) -> Json:
    """What is told back as it was asked for."""
    told = ("performanceConfig", "serviceTier")
    return {name: exchange.body[name] for name in told if exchange.body.get(name)}
