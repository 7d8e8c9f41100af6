"""Tools on offer and the one that must be called, whatever their members are called."""

from contracts.generation.messages import NamedTool, Tool
from dialects.body import Members, built
from dialects.schemas import check_schema


def tool(members: Members, schema: Members, name: str) -> Tool:
    """`name` is what the member of `schema` is called that has the JSON schema of parameters."""
    parameters = schema.document(name)
    check_schema(parameters, f"{schema.at}{name}")
    return built(
        Tool,
        members.at,
        name=members.text("name"),
        description=members.text("description", ""),
        parameters=parameters,
        strict=members.flag("strict", default=False),
    )


def named_tool(choice: Members, tools: list[Tool]) -> NamedTool:
    """Raises InvalidRequest for one that is not on offer."""
    name = choice.text("name", least=1)
    if all(tool.name != name for tool in tools):
        raise choice.wrong("name", "must be one of [tools]")
    return NamedTool(name=name)
