"""The suite of batches on SQLite."""

from tests.contract.batches import TestForgetting

__all__ = ["TestForgetting"]
