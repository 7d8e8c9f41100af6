"""Fixtures of the suite on the real engine."""

from tests.vllm.world import stranger, world

__all__ = ["stranger", "world"]
