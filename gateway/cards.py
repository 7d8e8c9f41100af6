"""The models that a tenant may ask for, alike at every door, and which of them a name means."""

from contracts.generation.models import ModelCard
from gateway.backends import Backends
from kit.auth.principal import Principal


async def model_cards(backends: Backends, who: Principal) -> list[ModelCard]:
    """Text models and the tenant's adapters, then embedding models."""
    catalogue = backends.catalogue
    embedding = [ModelCard.of(e, catalogue) for e in catalogue.entries if e.kind == "embedding"]
    return [*await backends.generation.models(who), *embedding]


async def find_card(backends: Backends, who: Principal, name: str) -> ModelCard | None:
    cards = await model_cards(backends, who)
    return next((card for card in cards if leads_to(name, card)), None)


def leads_to(name: str, card: ModelCard) -> bool:
    """An adapter also has every name that pins it, `NAME@sha256:DIGEST`."""
    is_pinned = bool(card.digest) and name.endswith(f"@sha256:{card.digest}")
    return is_pinned or name in (card.id, *card.aliases)
