"""The models that a tenant may ask for, as every door lists them."""

from contracts.generation.models import ModelCard
from gateway.backends import Backends
from kit.auth.principal import Principal


async def model_cards(backends: Backends, who: Principal) -> list[ModelCard]:
    """Text models and the tenant's adapters, then embedding models."""
    catalogue = backends.catalogue
    embedding = [ModelCard.of(e, catalogue) for e in catalogue.entries if e.kind == "embedding"]
    return [*await backends.generation.models(who), *embedding]
