"""How the gateway tells a service who calls: a principal, signed for a minute."""

import base64
import hmac
from collections.abc import Callable
from time import time
from typing import TypeVar

import orjson

from kit.auth.principal import Principal
from kit.auth.scopes import FULL_ACCESS, Scope
from kit.errors import Unauthenticated

K = TypeVar("K")
V = TypeVar("V")

HEADER = "x-undercroft-principal"
LIFETIME = 60.0
_REUSE = 20.0  # seconds for which one signed value serves all of a principal's requests
_CLOCK_SLACK = 5.0
_MOST_CACHED = 10_000


class InternalTrust:
    """Signs at the gateway, verifies in a service; both hold `Keyring.internal`."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time) -> None:
        self._key, self._clock = key, clock
        self._signed: dict[Principal, tuple[float, str]] = {}
        self._verified: dict[str, tuple[float, Principal]] = {}

    def sign(self, principal: Principal) -> str:
        """The value of the header `x-undercroft-principal`."""
        now = self._clock()
        made, value = self._signed.get(principal, (0.0, ""))
        if now - made < _REUSE:
            return value
        scopes = [[scope.operation, scope.resource] for scope in principal.scopes]
        claims = [principal.tenant, principal.account, principal.key, scopes, now + LIFETIME]
        body = base64.urlsafe_b64encode(orjson.dumps(claims))
        value = f"{body.decode()}.{self._mac(body)}"
        _remember(self._signed, principal, (now, value))
        return value

    def verify(self, value: str) -> Principal:
        """Raises Unauthenticated for a value that is missing, altered or older than a minute."""
        now = self._clock()
        expires, principal = self._verified.get(value, (0.0, None))
        if principal is None:
            expires, principal = self._open(value)
            _remember(self._verified, value, (expires, principal))
        if not now < expires < now + LIFETIME + _CLOCK_SLACK:
            raise Unauthenticated("The gateway's word for this caller has expired.")
        return principal

    def secret(self, purpose: str) -> bytes:
        """A key of 32 bytes for what only the services of this platform may know."""
        return hmac.digest(self._key, f"secret/{purpose}".encode(), "sha256")

    def _open(self, value: str) -> tuple[float, Principal]:
        body, _, mac = value.partition(".")
        raw = body.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(self._mac(raw).encode(), mac.encode("utf-8", "surrogateescape")):
            raise Unauthenticated("This service answers only to its gateway.")
        tenant, account, key, scopes, expires = orjson.loads(base64.urlsafe_b64decode(raw))
        made = (Scope(operation, resource) for operation, resource in scopes)
        known = tuple(FULL_ACCESS if scope == FULL_ACCESS else scope for scope in made)
        return expires, Principal(tenant, account, key, known)

    def _mac(self, body: bytes) -> str:
        return hmac.digest(self._key, body, "sha256").hex()


def _remember(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= _MOST_CACHED:
        cache.clear()
    cache[key] = value
