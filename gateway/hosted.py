"""What the name of a SageMaker endpoint leads to: the same at every door."""

from contracts.generation.invocations import FindTarget, Target
from gateway.backends import Backends
from kit.auth.principal import Principal
from kit.catalogue import ModelEntry
from kit.errors import NotFound


async def reached(backends: Backends, who: Principal, ask: FindTarget) -> Target | ModelEntry:
    """An endpoint of the tenant, else a model by its own name, one of embeddings included.

    Raises NotFound in AWS's words.
    """
    try:
        return await backends.hosting.target(who, ask)
    except NotFound:
        if backends.catalogue.knows(ask.endpoint, kind="embedding"):
            return backends.catalogue.find(ask.endpoint, kind="embedding")
        raise
