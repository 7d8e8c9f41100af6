"""What every bedrock-agent operation shares: its errors, ids, pages and times."""

from datetime import UTC, datetime

from contracts.search.knowledge_bases import Page
from gateway.aws.registry import Parameters, errors
from kit.errors import (
    Unsupported,
)

SERVICE = "bedrock-agent"
errors(SERVICE, {Unsupported: "ValidationException"})


def knowledge_base_id(parameters: Parameters) -> str:
    """The id, which some operations take as an ARN too."""
    return str(parameters["knowledgeBaseId"]).rpartition("/")[2]


def page(parameters: Parameters) -> Page:
    return Page(limit=parameters.get("maxResults", 100), token=parameters.get("nextToken"))


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
