"""Sends a chat to the engine of the model that was asked for."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from contracts.generation import ChatDelta, ChatRequest, ChatResponse, ModelCard
from kit.catalogue import Catalogue, ModelEntry
from kit.errors import Unsupported
from services.generation.ports import ChatEngine


class GenerationService:
    """Engines by the name that model files give them."""

    def __init__(self, catalogue: Catalogue, engines: Mapping[str, ChatEngine]) -> None:
        self._catalogue = catalogue
        self._engines = engines

    async def chat(self, request: ChatRequest) -> ChatResponse:
        model, engine = self._choose(request.model)
        return await engine.chat(model, request)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        model, engine = self._choose(request.model)
        async with aclosing(engine.stream(model, request)) as deltas:
            async for delta in deltas:
                yield delta

    def models(self) -> list[ModelCard]:
        """The text models that an engine here serves, in order of id."""
        served = [
            e for e in self._catalogue.entries if e.kind == "text" and e.engine in self._engines
        ]
        return [self._card(entry) for entry in sorted(served, key=lambda entry: entry.id)]

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()

    def _choose(self, name: str) -> tuple[ModelEntry, ChatEngine]:
        model = self._catalogue.find(name, kind="text")
        engine = self._engines.get(model.engine)
        if engine is None:
            raise Unsupported(
                f"The model {model.id} needs the engine {model.engine!r}, which is not set up "
                "here; an OpenAI-compatible server is set with GENERATION_OPENAI_BASE_URL.",
                param="modelId",
            )
        return model, engine

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
