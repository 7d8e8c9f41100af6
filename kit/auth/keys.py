"""How keys look: a bearer that refuses its typos offline, and pairs in the form of AWS's."""

import re
import secrets
import string
from dataclasses import dataclass, field
from zlib import crc32

BEARER_PREFIX = "uc_live_"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE32 = string.ascii_uppercase + "234567"
_RANDOM, _CHECK = 30, 6
_BEARER = re.compile(rf"{BEARER_PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")
_ACCESS_KEY_ID = re.compile(r"AKIA[A-Z2-7]{16}")
_SHOWN = len(BEARER_PREFIX) + 8


@dataclass(frozen=True, slots=True)
class AwsPair:
    """`secret` is shown once and stored sealed."""

    access_key_id: str
    secret: str = field(repr=False)


def make_bearer() -> str:
    """`uc_live_` + 30 random characters (178 bits) + 6 of their CRC32."""
    body = BEARER_PREFIX + _random(_BASE62, _RANDOM)
    return body + _checksum(body)


def is_bearer(token: str) -> bool:
    """Whether the form and the checksum are right; says nothing of whether the key exists."""
    if not _BEARER.fullmatch(token):
        return False
    return _checksum(token[:-_CHECK]) == token[-_CHECK:]


def shown_part(token: str) -> str:
    """The start of a bearer key, by which people recognise it in a list."""
    return token[:_SHOWN]


def make_aws_pair() -> AwsPair:
    """An access key id of 20 characters and a secret of 40 (238 bits)."""
    return AwsPair("AKIA" + _random(_BASE32, 16), _random(_BASE62, 40))


def is_access_key_id(text: str) -> bool:
    """Whether the form is right; says nothing of whether the key exists."""
    return _ACCESS_KEY_ID.fullmatch(text) is not None


def make_account() -> str:
    """Twelve digits without a leading zero, as an AWS account number."""
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _checksum(text: str) -> str:
    number = crc32(text.encode("ascii"))
    digits = []
    for _ in range(_CHECK):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
