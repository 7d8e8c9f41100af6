"""Hosting, put together: what clients ask for, and the loop that makes it so."""

from dataclasses import dataclass

from kit.catalogue import Catalogue
from kit.database import Database
from services.generation.ports import AdapterShelf, Artifacts, Fleet
from services.generation.service.hosting.components import ComponentService
from services.generation.service.hosting.demands import Demands
from services.generation.service.hosting.deploying import Deploying
from services.generation.service.hosting.deployments import SEEN
from services.generation.service.hosting.endpoints import EndpointService
from services.generation.service.hosting.models import ModelService
from services.generation.service.hosting.planning import Planning, Room
from services.generation.service.hosting.reconciling import Reconciler
from services.generation.service.hosting.targets import Targets


@dataclass(frozen=True, slots=True)
class Hosting:
    """`reconciler` runs as long as whoever owns the process lets it."""

    models: ModelService
    endpoints: EndpointService
    components: ComponentService
    targets: Targets
    reconciler: Reconciler

    @classmethod
    def of(
        cls,
        database: Database,
        catalogue: Catalogue,
        fleet: Fleet,
        shelf: AdapterShelf,
        artifacts: Artifacts,
        room: Room,
        seen: float = SEEN,
    ) -> "Hosting":
        planning = Planning(database, catalogue, artifacts, room)
        demands = Demands(catalogue, fleet)
        deploying = Deploying(database, demands, shelf, planning, seen)
        reconciler = Reconciler(database, deploying, demands, seen)
        return cls(
            models=ModelService(database),
            endpoints=EndpointService(database, demands, reconciler),
            components=ComponentService(database, demands, reconciler),
            targets=Targets(database, catalogue),
            reconciler=reconciler,
        )
