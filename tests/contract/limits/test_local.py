"""The limiter in memory keeps the contract."""

import pytest

from kit.auth.limits import LocalLimiter
from tests.contract.limits.suite import LimiterSuite, limits_of


class TestLocalLimiter(LimiterSuite):
    @pytest.fixture
    def limiter(self) -> LocalLimiter:
        return LocalLimiter(limits_of)
