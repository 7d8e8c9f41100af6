"""Whether the platform lives and can serve, and its metrics; no credential needed."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kit.errors import Unavailable

router = APIRouter(tags=["health"])
_PATIENCE = 2.0


@router.get("/", include_in_schema=False)
async def home() -> RedirectResponse:
    """A person who opens the address in a browser wants the page."""
    return RedirectResponse("/docs")


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Answers while the event loop turns; depends on nothing."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """503 until every service can do its work, and again while the process drains."""
    try:
        await asyncio.wait_for(request.app.state.ready(), _PATIENCE)
    except TimeoutError as error:
        raise Unavailable("A part of the platform does not answer.", retry_after=1) from error
    return {"status": "ok"}


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
