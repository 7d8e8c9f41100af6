"""The models that a tenant may ask for, as every door lists them."""

from contracts.generation.models import ModelCard
from gateway.backends import Backends
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry


async def model_cards(backends: Backends, who: Principal) -> list[ModelCard]:
    """Text models and the tenant's adapters, then embedding models."""
    catalogue = backends.catalogue
    embedding = [_card(e, catalogue) for e in catalogue.entries if e.kind == "embedding"]
    return [*await backends.generation.models(who), *embedding]


def _card(entry: ModelEntry, catalogue: Catalogue) -> ModelCard:
    return ModelCard(
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
