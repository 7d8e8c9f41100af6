"""Composes the generation service from its settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext

from fastapi import FastAPI

from kit.auth.internal import InternalTrust
from kit.catalogue import Catalogue
from kit.contract_routes import mount
from kit.service import service_app
from services.generation.composition.adapters import Surroundings, open_registry
from services.generation.composition.routing import Routed
from services.generation.endpoints.generating import adapter_routes, contract_routes, routes
from services.generation.endpoints.hosting import hosting_routes
from services.generation.engines.extractive.engine import ExtractiveEngine
from services.generation.engines.hosting.artifacts import StoredArtifacts
from services.generation.engines.launchers.serving import Serving, with_served
from services.generation.engines.openai.engine import OpenAIEngine
from services.generation.ports import Engine
from services.generation.service.generating import Generating
from services.generation.service.hosting.hosting import Hosting
from services.generation.service.observing import Observed
from services.generation.settings import GenerationSettings


def create_app(
    settings: GenerationSettings,
    *,
    trust: InternalTrust,
    around: Surroundings | None = None,
    opened: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> FastAPI:
    """The extractive engine is always there; the openai engine where a URL is set.

    Raises Conflict where models of the settings cannot run here. Without `around` there are no
    adapters and no endpoints. `opened` holds the surroundings open; it is left after everything of
    the service's own.
    """
    engines: dict[str, Engine] = {"extractive": ExtractiveEngine()}
    if settings.openai_base_url is not None:
        engines["openai"] = OpenAIEngine(settings)
    known = catalogue(settings)
    serving = Serving(settings, known)
    registry = hosting = None
    if around is not None:
        registry = open_registry(settings, around, known, engines, serving.fleet)
        artifacts = StoredArtifacts(around.objects)
        hosting = Hosting.of(
            around.database, known, serving.fleet, registry, artifacts, serving.room
        )
    routed = Routed(settings, serving.fleet, trust, registry.desired if registry else None)
    engines["vllm"] = routed.engine
    observed = {name: Observed(engine) for name, engine in engines.items()}
    service = Generating(known, observed, registry, serving.fleet)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(opened())
            await stack.enter_async_context(serving.running())
            stack.push_async_callback(service.close)
            routed.start(known)
            if registry is not None:
                await stack.enter_async_context(registry.running())
            if hosting is not None:
                await stack.enter_async_context(hosting.reconciler.running())
            yield

    app = service_app("Undercroft generation", trust=trust, lifespan=lifespan)
    app.include_router(routes(service))
    adapters = {} if registry is None else adapter_routes(registry)
    hosted = {} if hosting is None else hosting_routes(hosting)
    mount(app, trust, {**contract_routes(service), **adapters, **hosted})
    return app


def catalogue(settings: GenerationSettings) -> Catalogue:
    """The model files, and the models of the settings, which take the names that others yield."""
    served = None if settings.openai_base_url is None else settings.openai_model
    return with_served(settings.models, settings).with_served(served)
