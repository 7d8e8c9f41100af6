"""An adapter's row as its owner, or whoever it is granted to, sees it."""

from collections.abc import Mapping, Sequence

from contracts.generation.adapters import Adapter, Check, NameOf
from contracts.generation.models import ModelCard
from kit.catalogue import ModelEntry
from services.generation.repository.adapters.rows import AdapterRow


def shown(row: AdapterRow, tenant: str, names: Mapping[str, Sequence[NameOf]]) -> Adapter:
    """`names` are the tenant's own, by digest; where it came from concerns only its owner."""
    owned = row.tenant == tenant
    return Adapter(
        digest=row.digest,
        base=row.base,
        rank=row.rank,
        size=row.size,
        source=row.source if owned else "granted",
        state=row.state,
        reasons=row.reasons,
        checks=[Check.model_validate(check) for check in row.checks],
        job=row.job if owned else "",
        owned=owned,
        names=list(names.get(row.digest, ())),
        created_at=row.created_at,
        updated_at=row.updated_at,
        pinned=owned and row.pinned,
    )


def card(adapter: Adapter, base: ModelEntry) -> ModelCard:
    """As a model: by its first name of the tenant's own, or pinned by its digest."""
    own = [one.name for one in adapter.names if not one.component]
    pinned = f"{own[0] if own else 'adapter'}@sha256:{adapter.digest}"
    return ModelCard(
        id=own[0] if own else pinned,
        name=own[0] if own else f"Adapter {adapter.digest[:12]}",
        provider="adapter",
        kind="text",
        engine=base.engine,
        description=f"A LoRA adapter of rank {adapter.rank} on {base.name}.",
        aliases=[*own[1:], pinned] if own else [],
        context=base.context,
        licence="its owner's",
        base=base.id,
        digest=adapter.digest,
        created_at=adapter.created_at,
    )
