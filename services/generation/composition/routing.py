"""vLLM's servers behind one engine: routed over the fleet, with the registry's adapters."""

from kit.auth.internal import InternalTrust
from kit.catalogue import Catalogue
from services.generation.engines.openai.engine import patience_of
from services.generation.engines.vllm.admin import Servers, VllmAdmin
from services.generation.engines.vllm.engine import VllmEngine
from services.generation.ports import Fleet
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.router import Desired, Router
from services.generation.settings import GenerationSettings


class Routed:
    """`engine` serves every model of the fleet."""

    def __init__(
        self,
        settings: GenerationSettings,
        fleet: Fleet,
        trust: InternalTrust,
        desired: Desired | None,
    ) -> None:
        """`desired` tells of every adapter that some tenant may use."""
        servers = Servers(patience_of(settings))
        policy = Policy(
            queue=settings.routing_queue,
            tenant_queue=settings.routing_tenant_queue,
            patience=settings.routing_patience,
            adapters=settings.vllm_max_cpu_loras,
            pinned=settings.pinned_of_base,
        )
        self._router = Router(fleet, VllmAdmin(servers), policy, desired=desired)
        self.engine = VllmEngine(self._router, servers, trust.secret("prefix-cache"))

    def start(self, models: Catalogue) -> None:
        """From now on replicas are brought to the adapters that they should have."""
        self._router.start(e.id for e in models.entries if e.engine == "vllm" and e.is_here)
