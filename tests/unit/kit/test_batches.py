"""The suite of batches on SQLite."""

from tests.contract.batches import TestCancelling, TestForgetting

__all__ = ["TestCancelling", "TestForgetting"]
