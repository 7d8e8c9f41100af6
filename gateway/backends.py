"""What the doors reach: one field per capability, filled by the composition root."""

from dataclasses import dataclass

from contracts.generation.adapters_client import AdaptersClient
from contracts.generation.client import GenerationClient
from contracts.generation.hosting_client import HostingClient
from contracts.search.client import SearchClient
from kit.auth.metering import Metering
from kit.batches.store import Batches
from kit.catalogue import Catalogue
from kit.database import Database
from kit.files.store import Files
from kit.jobs.store import Jobs
from kit.objects.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Backends:
    """Typed clients of the services, and the stores that the gateway reads itself."""

    database: Database
    objects: ObjectStore
    files: Files
    batches: Batches
    jobs: Jobs
    catalogue: Catalogue
    search: SearchClient
    generation: GenerationClient
    hosting: HostingClient
    adapters: AdaptersClient
    metering: Metering
