"""The protocol's suites on SQLite."""

from tests.contract.jobs.accepting import TestAccepting, TestReading
from tests.contract.jobs.claiming import TestBeating, TestClaiming, TestDispatching, TestOrder
from tests.contract.jobs.ending import TestFailing, TestFinishing, TestReaping, TestStopping
from tests.contract.jobs.fencing import TestFence

__all__ = [
    "TestAccepting",
    "TestBeating",
    "TestClaiming",
    "TestDispatching",
    "TestFailing",
    "TestFence",
    "TestFinishing",
    "TestOrder",
    "TestReading",
    "TestReaping",
    "TestStopping",
]
