"""Composes the generation service from its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from kit.auth.internal import InternalTrust
from kit.catalogue import Catalogue, load
from kit.contract_routes import mount
from kit.service import service_app
from services.generation.endpoints import contract_routes, routes
from services.generation.engines.extractive.engine import ExtractiveEngine
from services.generation.engines.openai.engine import OpenAIEngine
from services.generation.ports import Engine
from services.generation.service.generating import Generating
from services.generation.settings import GenerationSettings


def create_app(settings: GenerationSettings, *, trust: InternalTrust) -> FastAPI:
    """The extractive engine is always there; the openai engine where a URL is set."""
    engines: dict[str, Engine] = {"extractive": ExtractiveEngine()}
    if settings.openai_base_url is not None:
        engines["openai"] = OpenAIEngine(settings)
    service = Generating(catalogue(settings), engines)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.close()

    app = service_app("Undercroft generation", trust=trust, lifespan=lifespan)
    app.include_router(routes(service))
    mount(app, trust, contract_routes(service))
    return app


def catalogue(settings: GenerationSettings) -> Catalogue:
    """The model files, and the model of the settings, which takes the names that others yield."""
    served = None if settings.openai_base_url is None else settings.openai_model
    return load(settings.models).with_served(served)
