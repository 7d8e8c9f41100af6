"""What an invocation reaches: the deployment behind an endpoint's name, or a model's own name."""

from collections.abc import Sequence

from sqlalchemy import Connection

from contracts.generation import invocations
from contracts.generation.invocations import FindTarget, Share, Target
from kit.auth.principal import Principal
from kit.catalogue import Catalogue
from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotFound
from services.generation.repository.hosting.rows import Record, found, within
from services.generation.service.hosting.deployments import Deployment
from services.generation.service.hosting.moving import told
from services.generation.service.hosting.naming import needs_terms

_NEEDS_COMPONENT = (
    "Inference Component Name header is required for endpoints to which you plan to deploy "
    "inference components. Please include Inference Component Name header or consider using "
    "SageMaker models."
)


class Targets:
    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    async def find(self, who: Principal, ask: FindTarget) -> invocations.Targets:
        """Raises NotFound for an absent endpoint, Conflict for a component that is not ready."""
        shares = await self._database.read(_find, who, ask)
        shares = shares or [Share(target=self._by_model(who, ask), weight=1)]
        return invocations.Targets(shares=[self._named(ask, share) for share in shares])

    def _named(self, ask: FindTarget, share: Share) -> Share:
        names = self._names(ask, share.target)
        return Share(target=share.target.model_copy(update={"names": names}), weight=share.weight)

    def _names(self, ask: FindTarget, target: Target) -> list[str]:
        entry = self._catalogue.owner(target.model)
        known = () if entry is None else (entry.id, *self._catalogue.aliases_of(entry))
        return [name for name in (ask.endpoint, ask.component, *known) if name]

    def _by_model(self, who: Principal, ask: FindTarget) -> Target:
        """A name of the catalogue is an endpoint that nobody has to create."""
        try:
            entry = self._catalogue.find(ask.endpoint, kind="text")
        except NotFound as error:
            raise absent(who, ask.endpoint) from error
        if ask.component:
            raise InvalidRequest(f"Endpoint {ask.endpoint} has no inference components.")
        terms = entry.eula if needs_terms(ask.endpoint, entry) else None
        return Target(model=ask.endpoint, form="tgi", terms=terms)


def absent(who: Principal, endpoint: str) -> NotFound:
    return NotFound(f"Endpoint {endpoint} of account {who.account} not found.")


def _find(connection: Connection, who: Principal, ask: FindTarget) -> list[Share] | None:
    endpoint = found(connection, who.tenant, "endpoint", ask.endpoint)
    if endpoint is None:
        return None
    if endpoint.status in ("Creating", "Deleting"):
        raise absent(who, ask.endpoint)
    parts = within(connection, who.tenant, ask.endpoint)
    if ask.component:
        return [Share(target=_target(endpoint, _component(parts, ask)), weight=1)]
    variants = [part for part in parts if part.kind == "variant" and part.status != "Deleting"]
    if not variants:
        raise InvalidRequest(_NEEDS_COMPONENT)
    return _shares(endpoint, variants, ask.variant)


def _component(parts: Sequence[Record], ask: FindTarget) -> Record:
    for part in parts:
        if part.kind == "inference-component" and part.name == ask.component:
            return part
    raise NotFound(
        f"Inference Component Name {ask.component} of endpoint {ask.endpoint} not found."
    )


def _shares(endpoint: Record, parts: Sequence[Record], wanted: str) -> list[Share]:
    """The one that is asked for, or those that serve by their weights."""
    if wanted:
        parts = [part for part in parts if part.variant == wanted]
        if not parts:
            raise NotFound(f"Variant {wanted} of endpoint {endpoint.name} not found.")
        return [Share(target=_target(endpoint, parts[0]), weight=1)]
    serve = [part for part in parts if Deployment(part).serving is not None] or parts
    weights = {variant["name"]: variant["weight"] for variant in told(endpoint)["variants"]}
    weighty = [part for part in serve if weights.get(part.variant, 0.0) > 0]
    return [
        Share(target=_target(endpoint, part), weight=weights.get(part.variant) or 1)
        for part in weighty or serve[:1]
    ]


def _target(endpoint: Record, part: Record) -> Target:
    plan = Deployment(part).serving
    if plan is None or part.status == "Deleting":
        raise Conflict(f"{part.name} is not in service: it is {part.status}. {part.reason}".strip())
    return Target(
        model=plan.model,
        component=plan.namespace,
        adapter=plan.adapter,
        variant=part.variant,
        form=plan.form,
        terms=plan.terms,
        asynchronous=told(endpoint)["asynchronous"],
    )
