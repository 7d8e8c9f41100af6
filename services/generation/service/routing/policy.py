"""How much waits, for how long, and how many adapters a replica keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds."""

    queue: int = 1024
    """Requests that wait for one model, of all tenants together."""
    tenant_queue: int = 256
    """Those of one tenant."""
    patience: float = 30.0
    """How long a request may wait for its turn; refused at once where it would be longer."""
    attempts: int = 2
    """Replicas that one request may be sent to."""
    adapters: int = 64
    """Adapters that a replica keeps; at least as many as it runs at once."""
    pinned: int = 32
    """Those of them that stay whoever else asks; the rest is for what is asked for."""
    remembered: float = 600.0
    """How long after its last use an adapter is fetched again by a replica that is new."""
    reconciled_every: float = 5.0
    typical_output: int = 256
    """Tokens that a request without `max_tokens` is expected to take."""
