"""The suite of batches on PostgreSQL."""

import pytest

from tests.contract.batches import TestForgetting

__all__ = ["TestForgetting"]

pytestmark = pytest.mark.integration
