"""A service believes its gateway for a minute, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.auth.scopes import Scope
from kit.errors import Unauthenticated

ALICE = Principal("alice", "111111111111", "k1", (Scope("s3:*", "arn:aws:s3:::ключ/*"),))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_the_gateway_signs_the_service_reads(clock: Clock) -> None:
    gateway, service = InternalTrust(b"k" * 32, clock), InternalTrust(b"k" * 32, clock)
    value = gateway.sign(ALICE)
    assert service.verify(value) == ALICE
    assert service.verify(value) == ALICE
    assert value.isascii()


def test_a_value_dies_after_a_minute_though_it_was_verified_before(clock: Clock) -> None:
    trust = InternalTrust(b"k" * 32, clock)
    value = trust.sign(ALICE)
    trust.verify(value)
    clock.now += 60
    with pytest.raises(Unauthenticated):
        trust.verify(value)
    assert trust.verify(trust.sign(ALICE)) == ALICE


def test_another_key_is_not_believed(clock: Clock) -> None:
    with pytest.raises(Unauthenticated):
        InternalTrust(b"k" * 32, clock).verify(InternalTrust(b"x" * 32, clock).sign(ALICE))


@given(position=st.integers(0, 400), letter=st.characters(codec="latin-1"))
def test_no_altered_value_is_believed(position: int, letter: str) -> None:
    trust = InternalTrust(b"k" * 32, lambda: 1000.0)
    value = trust.sign(ALICE)
    position %= len(value)
    forged = value[:position] + letter + value[position + 1 :]
    if forged != value:
        with pytest.raises(Unauthenticated):
            trust.verify(forged)


@given(st.text())
def test_no_text_at_all_is_believed(text: str) -> None:
    with pytest.raises(Unauthenticated):
        InternalTrust(b"k" * 32, lambda: 1000.0).verify(text)
