"""Cohere Command R: what was said, the documents at hand, the tools and what they answered."""

from typing import Any

from contracts.generation.messages import ChatMessage, Tool, ToolCall
from dialects.bedrock.calls import as_json
from dialects.body import Json, Members, built
from dialects.schemas import check_schema, check_together

_ROLES = {"USER": "user", "CHATBOT": "assistant", "SYSTEM": "system"}
_TYPES = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array",
    "dict": "object",
}  # fmt: skip
_TEXTS = ("text", "snippet", "content")


def said_by(members: Members, documents: list[str]) -> list[ChatMessage]:
    """The preamble and the documents first, the new message and what tools answered last."""
    lead = [text for text in (members.text("preamble", ""), _listed(documents)) if text]
    said = [built(ChatMessage, role="system", content="\n\n".join(lead))] if lead else []
    for place, given in members.items("chat_history"):
        turn = Members(given, {"role", "message", "tool_calls", "tool_results"}, f"{place}.")
        turn.refuse("tool_calls", "tool_results")
        role = _ROLES[turn.one_of("role", tuple(_ROLES))]
        said.append(built(ChatMessage, role=role, content=turn.text("message")))
    results = members.items("tool_results")
    question = members.text("message", least=0 if results else 1)
    if question:
        said.append(built(ChatMessage, role="user", content=question))
    return said + _answered(results)


def documents_of(members: Members) -> list[str]:
    """Each with its title and text, or with all that it has where it has no text."""
    found = []
    for place, given in members.items("documents"):
        document = Members(given, at=f"{place}.")
        texts = [document.text(name) for name in _TEXTS if name in document]
        title = document.text("title", "")
        members_of = as_json(members_bounded(document)) if not texts else "\n".join(texts)
        found.append(f"{title}\n{members_of}" if title and texts else members_of)
    return found


def members_bounded(members: Members) -> Json:
    for name in members.body:
        members.bounded(name)
    return members.body


def _listed(documents: list[str]) -> str:
    if not documents:
        return ""
    listed = "\n".join(f"<document>\n{document}\n</document>" for document in documents)
    return f"<documents>\n{listed}\n</documents>"


def tools_of(members: Members) -> list[Tool]:
    """Cohere's parameters as a JSON schema; raises InvalidRequest that names the tool."""
    tools = [
        _tool(Members(given, {"name", "description", "parameter_definitions"}, f"{place}."))
        for place, given in members.items("tools")
    ]
    check_together((one.parameters for one in tools), "tools")
    return tools


def _tool(given: Members) -> Tool:
    definitions = given.object("parameter_definitions")
    properties: Json = {}
    required = []
    for name in definitions.body:
        one = definitions.object(name, {"description", "type", "required"})
        kind = one.text("type")
        properties[name] = {"type": _TYPES.get(kind, kind)}
        if "description" in one:
            properties[name]["description"] = one.text("description")
        if one.flag("required", default=False):
            required.append(name)
    schema = {"type": "object", "properties": properties, "required": required}
    check_schema(schema, f"{given.at}parameter_definitions")
    return built(
        Tool,
        given.at,
        name=given.text("name"),
        description=given.text("description", ""),
        parameters=schema,
    )


def _answered(results: list[tuple[str, object]]) -> list[ChatMessage]:
    """A call has no id in this form, so each gets one by its place."""
    calls, answers = [], []
    for number, (place, given) in enumerate(results):
        result = Members(given, {"call", "outputs"}, f"{place}.")
        call = result.object("call", {"name", "parameters"})
        identity = f"call_{number}"
        calls.append(
            built(
                ToolCall,
                id=identity,
                name=call.text("name", least=1),
                arguments=as_json(call.document("parameters")),
            )
        )
        outputs: list[Any] = [
            members_bounded(Members(one, at=f"{at}.")) for at, one in result.items("outputs")
        ]
        content = as_json(outputs)
        answers.append(built(ChatMessage, role="tool", content=content, tool_call_id=identity))
    if not calls:
        return []
    return [built(ChatMessage, role="assistant", tool_calls=calls), *answers]
