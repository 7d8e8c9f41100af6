"""What the doors reach: one field per capability, filled by the composition root."""

from dataclasses import dataclass

from kit.database import Database
from kit.objects.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Backends:
    """Typed clients of the services, and the stores that the gateway owns."""

    database: Database
    objects: ObjectStore
