"""A platform in front of a capable model, for tests of what OpenAI's wire carries."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.capable_server import MODEL, CapableServer, capable_server
from tests.support.platform import Platform, running_platform


@contextmanager
def platform_with_model(data: Path) -> Iterator[tuple[Platform, CapableServer]]:
    with capable_server() as server, running_platform(data, env=served(server)) as platform:
        yield platform, server


def served(server: CapableServer) -> dict[str, str]:
    """The settings that make the server's model the platform's."""
    return {"GENERATION_OPENAI_BASE_URL": server.url, "GENERATION_OPENAI_MODEL": MODEL}
