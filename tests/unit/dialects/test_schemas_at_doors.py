"""Every form of a request that has JSON schemas holds them to what a model server can read."""

import json
import time
from typing import Any

import pytest

from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.dialect import TextDialect
from dialects.openai.chat import ChatDialect
from kit.errors import InvalidRequest

DEEP: dict[str, Any] = {
    "$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(300)} | {"d300": {}},
    "$ref": "#/$defs/d0",
}
SAID = [{"role": "user", "content": "a"}]
BLOCKS = [{"role": "user", "content": [{"text": "a"}]}]
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": DEEP}}
TOOL = {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": DEEP}}}]}
STRUCTURE = {"jsonSchema": {"name": "f", "schema": json.dumps(DEEP)}}
CLAUDE: dict[str, Any] = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 9,
    "messages": SAID,
    "tools": [{"name": "f", "input_schema": DEEP}],
}
DEFINED = {f"p{n}": {"type": "str"} for n in range(2000)}
FORMS: dict[str, tuple[TextDialect, dict[str, Any]]] = {
    "tools.0.function.parameters": (ChatDialect(), {"messages": SAID, "tools": [FUNCTION]}),
    "response_format.json_schema.schema": (
        ChatDialect(),
        {
            "messages": SAID,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "f", "schema": DEEP},
            },
        },
    ),
    "tools.0.input_schema": (text_dialect("anthropic.claude-3"), CLAUDE),
    "toolConfig.tools.0.toolSpec.inputSchema.json": (
        Converse(),
        {"messages": BLOCKS, "toolConfig": TOOL},
    ),
    "outputConfig.textFormat.structure.jsonSchema.schema": (
        Converse(),
        {"messages": BLOCKS, "outputConfig": {"textFormat": {"structure": STRUCTURE}}},
    ),
    " toolConfig.tools.0.toolSpec.inputSchema.json": (
        text_dialect("amazon.nova-pro"),
        {"messages": BLOCKS, "toolConfig": TOOL},
    ),
    " tools.0.function.parameters": (
        text_dialect("mistral.large"),
        {"messages": SAID, "tools": [FUNCTION]},
    ),
    "tools.0.parameter_definitions": (
        text_dialect("cohere.command-r"),
        {
            "message": "a",
            "tools": [{"name": "f", "description": "f", "parameter_definitions": DEFINED}],
        },
    ),
}


@pytest.mark.parametrize("member", FORMS)
def test_a_schema_that_would_end_a_model_server_is_refused_by_its_member(member: str) -> None:
    dialect, body = FORMS[member]
    with pytest.raises(InvalidRequest, match=r"levels deep|properties") as raised:
        dialect.read("m", body)
    assert raised.value.param == member.strip()


@pytest.mark.parametrize("member", [name for name in FORMS if ".0." in name])
def test_schemas_of_tools_are_bounded_together(member: str) -> None:
    dialect, body = FORMS[member]
    schema: dict[str, Any] = {"enum": list(range(4900))}
    definitions = {f"p{n}": {"type": "str", "description": "d"} for n in range(120)}
    raw = json.dumps(body).replace(json.dumps(DEEP), json.dumps(schema))
    plenty = json.loads(raw.replace(json.dumps(DEFINED), json.dumps(definitions)))
    inside = plenty.get("toolConfig", plenty)
    inside["tools"] *= 60
    began = time.process_time()
    with pytest.raises(InvalidRequest, match="20000 parts") as raised:
        dialect.read("m", plenty)
    assert str(raised.value.param).endswith("tools")
    assert time.process_time() - began < 1
