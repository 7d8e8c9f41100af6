"""Keys have the form that is promised, and a typo never passes for one."""

import stat
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.auth.keyring import Keyring
from kit.auth.keys import is_bearer, make_account, make_aws_pair, make_bearer
from kit.errors import Internal

ALPHABET = string.digits + string.ascii_letters


def test_a_bearer_key_has_its_prefix_and_36_characters() -> None:
    key = make_bearer()
    assert key.startswith("uc_live_")
    assert len(key) == 8 + 36
    assert is_bearer(key)


@given(position=st.integers(8, 43), letter=st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_seen_without_a_lookup(position: int, letter: str) -> None:
    key = make_bearer()
    typo = key[:position] + letter + key[position + 1 :]
    assert is_bearer(typo) == (typo == key)


@given(st.text(max_size=60))
def test_no_other_text_is_a_bearer_key(text: str) -> None:
    assert not is_bearer(text)


def test_an_aws_pair_looks_like_awss() -> None:
    pair = make_aws_pair()
    assert len(pair.access_key_id) == 20
    assert pair.access_key_id.startswith("AKIA")
    assert len(pair.secret) == 40
    assert pair.secret not in repr(pair)


def test_an_account_has_twelve_digits() -> None:
    assert all(len(make_account()) == 12 for _ in range(100))


def test_the_master_secret_is_private_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "master"
    first, second = Keyring.load_or_create(path), Keyring.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (first.pepper, first.audit) == (second.pepper, second.audit)
    assert list(path.parent.iterdir()) == [path]


def test_a_keyrings_keys_differ_and_stay_out_of_its_repr(keyring: Keyring) -> None:
    assert len({keyring.pepper, keyring.audit, keyring.internal}) == 3
    assert keyring.pepper.hex() not in repr(keyring)


def test_a_sealed_secret_opens_only_in_its_own_row(keyring: Keyring) -> None:
    sealed = keyring.seal("secret", "AKIA1")
    assert keyring.unseal(sealed, "AKIA1") == "secret"
    with pytest.raises(Internal):
        keyring.unseal(sealed, "AKIA2")
    with pytest.raises(Internal):
        keyring.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), "AKIA1")
