"""Finds out what a deployment is: its base model, its form, and the adapters of its archive."""

from dataclasses import dataclass

from contracts.generation.hosting import Container, Deployed
from kit.catalogue import Catalogue
from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotReady
from services.generation.ports import Artifact, Artifacts
from services.generation.repository.hosting.rows import found
from services.generation.service.hosting.deployments import Deployment, Plan
from services.generation.service.hosting.naming import (
    base_model,
    base_name,
    form_of,
    needs_terms,
    properties_of,
)

_NOTHING = Artifact()
_JUMPSTART = "s3://jumpstart-"
"""Caches of AWS's own, whose archives hold nothing that a name in the catalogue does not say."""


@dataclass(frozen=True, slots=True)
class Room:
    """What this machine has; `accelerators` is None where models run on its cores."""

    accelerators: int | None
    memory_mib: float

    def check(self, deployed: Deployed) -> None:
        """Raises Conflict where a component asks for more than there is, even by itself."""
        if self.accelerators is not None and deployed.accelerators > self.accelerators:
            raise Conflict(
                f"It asks for {deployed.accelerators:g} accelerators, and this machine has "
                f"{self.accelerators}."
            )
        if deployed.memory_mib > self.memory_mib:
            raise Conflict(
                f"It asks for {deployed.memory_mib} MiB of memory, and this machine has "
                f"{self.memory_mib:.0f}."
            )


class Planning:
    def __init__(
        self, database: Database, catalogue: Catalogue, artifacts: Artifacts, room: Room
    ) -> None:
        self._database = database
        self._room = room
        self._catalogue = catalogue
        self._artifacts = artifacts

    async def plan(self, one: Deployment) -> Plan:
        """Raises the reason why it cannot run; NotReady while what it needs is not there yet."""
        stored = one.row.spec.get("deployed")
        deployed = None if stored is None else Deployed.model_validate(stored)
        if deployed is not None and deployed.base:
            return await self._adapter_plan(one, deployed)
        container = Container.model_validate(one.row.spec["container"])
        artifact = await self._look(one.row.tenant, container.artifact)
        settings = {**properties_of(artifact.properties), **container.environment}
        name = base_name(container, settings, one.row.spec["tags"])
        entry = base_model(self._catalogue, name, container.artifact)
        if not entry.is_here:
            raise Conflict(
                f"The model {name} is known but its weights are not here: start the platform "
                f"with --model {name}=FOLDER (`undercroft models pull {entry.id}` gets them)."
            )
        if deployed is not None and not entry.replicas:  # else it runs on other machines
            self._room.check(deployed)
        asks = needs_terms(name, entry) and not container.accepts_eula
        return Plan(
            model=entry.id,
            copies=one.row.spec["copies"],
            namespace=one.namespace,
            form=form_of(container, settings),
            terms=entry.eula if asks else None,
            folders=artifact.adapters,
        )

    async def _look(self, tenant: str, uri: str) -> Artifact:
        if not uri or uri.startswith(_JUMPSTART):
            return _NOTHING
        return await self._artifacts.look(tenant, uri)

    async def _adapter_plan(self, one: Deployment, deployed: Deployed) -> Plan:
        """An adapter of another component runs on that one's copies.

        While that one is updated it waits: only then is it known which model they run.
        """
        container = deployed.container
        if container is None or not container.artifact:
            raise InvalidRequest(
                "An adapter needs Container.ArtifactUrl: the archive of its files."
            )
        base = await self._database.read(
            found, one.row.tenant, "inference-component", deployed.base or ""
        )
        if base is None or base.status in ("Failed", "Deleting"):
            raise Conflict(f"The base inference component {deployed.base} is not in service.")
        serving = Deployment(base).serving
        if serving is None or base.status != "InService":
            raise NotReady(f"The base inference component {deployed.base} is {base.status}.")
        return Plan(
            model=serving.model,
            copies=0,
            namespace=one.namespace,
            form=serving.form,
            terms=serving.terms,
            adapter=one.row.name,
        )
