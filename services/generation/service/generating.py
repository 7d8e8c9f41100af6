"""Sends a request to the engine of the model that was asked for."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext

from contracts.generation.answers import Delta, Generation, TokenCount
from contracts.generation.client import GenerateRequest
from contracts.generation.models import ModelCard
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.errors import NotFound, Unsupported
from services.generation.ports import AdapterRef, Asked, Engine, Fleet
from services.generation.service.adapters.registry import Registry
from services.generation.service.repeating import once, repeated, repeated_parts


class Generating:
    """Engines by the name that model files give them; adapters where there is a registry."""

    def __init__(
        self,
        catalogue: Catalogue,
        engines: Mapping[str, Engine],
        registry: Registry | None = None,
        fleet: Fleet | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._engines = engines
        self._registry = registry
        self._fleet = fleet

    async def generate(self, who: Principal, request: GenerateRequest) -> Generation:
        request, times = once(request)
        asked, engine = await self._choose(who, request)
        with self._using(asked):
            return repeated(await engine.generate(asked), times)

    async def stream(self, who: Principal, request: GenerateRequest) -> AsyncGenerator[Delta, None]:
        request, times = once(request)
        asked, engine = await self._choose(who, request)
        deltas = engine.stream(asked)
        with self._using(asked):
            async with aclosing(deltas if times == 1 else repeated_parts(deltas, times)) as parts:
                async for part in parts:
                    yield part

    async def count_tokens(self, who: Principal, request: GenerateRequest) -> TokenCount:
        asked, engine = await self._choose(who, request)
        return TokenCount(input_tokens=await engine.count_tokens(asked), model=asked.model.id)

    async def models(self, who: Principal) -> list[ModelCard]:
        """The text models that an engine serves, in order of id; then the tenant's adapters."""
        adapters = [] if self._registry is None else await self._registry.models(who)
        return [self._now(card) for card in (*self._bases(), *adapters)]

    def _bases(self) -> list[ModelCard]:
        served = [
            e
            for e in self._catalogue.entries
            if e.kind == "text" and e.is_here and e.engine in self._engines
        ]
        served.sort(key=lambda entry: entry.id)
        return [ModelCard.of(entry, self._catalogue) for entry in served]

    def _now(self, card: ModelCard) -> ModelCard:
        """With its servers' state and context; an adapter has those of its base."""
        if self._fleet is None or card.engine != "vllm":
            return card
        model = card.base or card.id
        contexts = (replica.limits.context for replica in self._fleet.replicas(model))
        found = {"state": self._fleet.state(model).status}
        return card.model_copy(update={**found, "context": min(contexts, default=card.context)})

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()

    async def _choose(self, who: Principal, request: GenerateRequest) -> tuple[Asked, Engine]:
        model, adapter = await self._resolve(who, request)
        engine = self._engines.get(model.engine)
        if engine is None:
            raise Unsupported(
                f"The model {model.id} needs the engine {model.engine!r}, which is not set up "
                "here; an OpenAI-compatible server is set with GENERATION_OPENAI_BASE_URL.",
                param="modelId",
            )
        return Asked(who.tenant, model, request, adapter), engine

    async def _resolve(
        self, who: Principal, request: GenerateRequest
    ) -> tuple[ModelEntry, AdapterRef | None]:
        if self._registry is not None:
            return await self._registry.resolving.resolve(who, request)
        if request.adapter:
            raise NotFound(f"Adapter {request.adapter} is not registered.", param="adapter")
        return self._catalogue.find(request.model, kind="text"), None

    def _using(self, asked: Asked) -> AbstractContextManager[None]:
        """Its folder stays meanwhile, whoever deletes the adapter."""
        if self._registry is None or asked.adapter is None:
            return nullcontext()
        return self._registry.folders.using(asked.adapter.digest)
