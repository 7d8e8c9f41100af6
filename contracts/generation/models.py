"""The models that a tenant can ask for."""

from typing import Literal, Self

from contracts.contract import Contract
from kit.catalogue import Catalogue, ModelEntry


class ModelCard(Contract):
    """A model that can be asked for, by `id` or by any of `aliases`.

    `base` is the id of the model that an adapter changes and `digest` the SHA-256 of the adapter;
    both are empty for a base model.
    """

    id: str
    name: str
    provider: str
    kind: Literal["embedding", "text"]
    engine: str
    description: str
    aliases: list[str]
    context: int | None
    licence: str
    base: str = ""
    digest: str = ""
    state: Literal["ready", "starting", "stopped", "failed"] = "ready"
    created_at: float = 0
    """UNIX seconds since when the adapter is there; 0 for a base model, which states no time."""

    @classmethod
    def of(cls, entry: ModelEntry, catalogue: Catalogue) -> Self:
        """Of a base model."""
        return cls(
            id=entry.id,
            name=entry.name,
            provider=entry.provider,
            kind=entry.kind,
            engine=entry.engine,
            description=entry.description,
            aliases=catalogue.aliases_of(entry),
            context=entry.context,
            licence=entry.licence,
        )


class ModelList(Contract):
    models: list[ModelCard]
