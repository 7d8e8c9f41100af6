"""The limiter in memory keeps the contract."""

import pytest

from kit.auth.limits import LocalLimiter
from tests.contract.limits.suite import LimiterSuite


class TestLocalLimiter(LimiterSuite):
    @pytest.fixture
    def limiter(self) -> LocalLimiter:
        return LocalLimiter()
