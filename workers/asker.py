"""On whose behalf a job runs."""

from kit.auth.principal import Principal
from kit.jobs.ports import JobContext


def asker(context: JobContext) -> Principal:
    """The one who asked for the job; its tenant is the row's, whatever the input says."""
    return Principal(context.tenant, context.input["account"], context.input["key"])
