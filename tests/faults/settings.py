"""What the harness tells the processes that it starts and kills."""

from pathlib import Path
from random import Random

from pydantic_settings import SettingsConfigDict

from kit.settings import PlatformSettings


class FaultSettings(PlatformSettings):
    """From `FAULTS_*`; `generation` counts how often this process was started."""

    model_config = SettingsConfigDict(env_prefix="FAULTS_")

    folder: Path
    database_url: str
    broker_url: str = ""
    seed: int
    role: str
    generation: int
    lease: float
    resend_after: float
    die_chance: float
    """How likely each passing of a failpoint kills the process."""

    def random(self) -> Random:
        """The same for the same seed, role and generation."""
        return Random(f"{self.seed}/{self.role}/{self.generation}")
