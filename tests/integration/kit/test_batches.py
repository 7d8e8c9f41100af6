"""The suite of batches on PostgreSQL."""

import pytest

from tests.contract.batches import TestCancelling, TestForgetting

__all__ = ["TestCancelling", "TestForgetting"]

pytestmark = pytest.mark.integration
