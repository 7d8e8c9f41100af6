"""The name of an AWS operation, as this platform writes it everywhere."""

from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class OperationId:
    """`service` is botocore's name of it (`bedrock-agent-runtime`), not the signing name."""

    service: str
    name: str

    @override
    def __str__(self) -> str:
        return f"{self.service}:{self.name}"
