"""What a worker and its dispatcher need to know, from the environment and from secret files."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.catalogue import DEFAULT_FOLDER
from kit.jobs.dispatch import RESEND_AFTER
from kit.settings import MASTER_KEY, ObjectsSettings


class WorkerSettings(ObjectsSettings):
    """Times are seconds."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    database_url: SecretStr
    """SQLAlchemy's form: `postgresql+psycopg://user:password@host/database`."""
    broker_url: SecretStr
    """Redis or RabbitMQ; losing it, even with all its messages, loses no job."""
    master_key_file: Path = MASTER_KEY
    """The secret that every process of the platform shares."""
    redis_url: SecretStr | None = None
    """Where the gateways hold tenants to their limits; without it each process holds its own."""
    models: Path = DEFAULT_FOLDER
    """The folder of model files, which have the prices."""
    search_url: str = "http://search:8000"
    generation_url: str = "http://generation:8000"
    concurrency: int = Field(default=2, ge=1)
    """Child processes of one worker; each runs one job at a time."""
    fleet: int = Field(default=2, ge=1)
    """Child processes of all workers together: the dispatcher keeps four messages for each."""
    queues: str = "jobs,quarantine"
    """A worker for `quarantine` alone keeps jobs that broke a process away from the others."""
    lease: float = Field(default=10.0, ge=1)
    resend_after: float = Field(default=RESEND_AFTER, gt=0)
    poll: float = Field(default=1.0, gt=0)
    drain: float = Field(default=5.0, ge=0)
    """How long a running job may go on after SIGTERM before it is given back."""
    patience: float = Field(default=60.0, gt=0)
    """How long a handler may block its event loop before its process is ended."""
    pulse: Path | None = None
    """A file that is touched every second, for health checks."""
