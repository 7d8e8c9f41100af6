"""A real database and keyring of the test's own."""

import pytest

import kit.auth.tables  # noqa: F401 - declares the tables that `create_tables` makes
from kit.auth.keyring import Keyring


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(bytes(range(32)))
