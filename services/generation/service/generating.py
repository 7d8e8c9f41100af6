"""Sends a request to the engine of the model that was asked for."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from contracts.generation.answers import Delta, Generation, TokenCount
from contracts.generation.client import GenerateRequest
from contracts.generation.models import ModelCard
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.errors import Unsupported
from services.generation.ports import Asked, Engine


class Generating:
    """Engines by the name that model files give them."""

    def __init__(self, catalogue: Catalogue, engines: Mapping[str, Engine]) -> None:
        self._catalogue = catalogue
        self._engines = engines

    async def generate(self, who: Principal, request: GenerateRequest) -> Generation:
        asked, engine = self._choose(who, request)
        return await engine.generate(asked)

    async def stream(self, who: Principal, request: GenerateRequest) -> AsyncGenerator[Delta, None]:
        asked, engine = self._choose(who, request)
        async with aclosing(engine.stream(asked)) as deltas:
            async for delta in deltas:
                yield delta

    async def count_tokens(self, who: Principal, request: GenerateRequest) -> TokenCount:
        asked, engine = self._choose(who, request)
        return TokenCount(input_tokens=await engine.count_tokens(asked), model=asked.model.id)

    def models(self) -> list[ModelCard]:
        """The text models that an engine here serves, in order of id."""
        served = [
            e
            for e in self._catalogue.entries
            if e.kind == "text" and e.is_here and e.engine in self._engines
        ]
        return [self._card(entry) for entry in sorted(served, key=lambda entry: entry.id)]

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()

    def _choose(self, who: Principal, request: GenerateRequest) -> tuple[Asked, Engine]:
        model = self._catalogue.find(request.model, kind="text")
        engine = self._engines.get(model.engine)
        if engine is None:
            raise Unsupported(
                f"The model {model.id} needs the engine {model.engine!r}, which is not set up "
                "here; an OpenAI-compatible server is set with GENERATION_OPENAI_BASE_URL.",
                param="modelId",
            )
        return Asked(who.tenant, model, request), engine

    def _card(self, entry: ModelEntry) -> ModelCard:
        return ModelCard(
            id=entry.id,
            name=entry.name,
            provider=entry.provider,
            kind=entry.kind,
            engine=entry.engine,
            description=entry.description,
            aliases=self._catalogue.aliases_of(entry),
            context=entry.context,
            licence=entry.licence,
        )
