"""Every operation that a key's scope can open, by the name under which its door asks."""

from fastapi.routing import APIRoute

from gateway.aws.served import SERVED
from gateway.openai.app import ROUTES
from gateway.rest.app import PARTS


def operation_names() -> frozenset[str]:
    """`service:Operation` as in `s3:GetObject`, `openai:ListModels` and `rest:whoami`."""
    aws = {str(id) for id in SERVED}
    openai = {route.operation for route in ROUTES}
    routes = [route for part in PARTS for route in part.router.routes]
    rest = {f"rest:{route.name}" for route in routes if isinstance(route, APIRoute)}
    return frozenset(aws | openai | rest)
