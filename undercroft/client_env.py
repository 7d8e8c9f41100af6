"""The file that a client sources: where the platform is, and the first tenant's keys."""

import os
from pathlib import Path

REGION = "us-east-1"


def read_client_env(path: Path) -> dict[str, str]:
    """The variables of the file; empty without one."""
    if not path.is_file():
        return {}
    lines = (line.removeprefix("export ") for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if "=" in line)


def url_of(scheme: str, host: str, port: int) -> str:
    """An IPv6 address stands in brackets."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def write_client_env(path: Path, url: str, credentials: dict[str, str]) -> None:
    """Only its owner may read it."""
    variables = {
        "AWS_ENDPOINT_URL": url,
        **credentials,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "OPENAI_BASE_URL": f"{url}/v1",
        "UNDERCROFT_URL": url,
    }
    text = "".join(f"export {name}={value}\n" for name, value in variables.items())
    temporary = path.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
