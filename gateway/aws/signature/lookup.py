"""Finds the secret behind an access key id, or refuses in the words of the service asked."""

from typing import Protocol

from gateway.aws.signature.errors import Dialect, Refused
from kit.auth.principal import Principal

SESSION_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name


class Keys(Protocol):
    """The part of `kit.auth.directory.KeyDirectory` that verification needs."""

    async def by_bearer(self, token: str) -> Principal:
        """Raises Unauthenticated."""
        ...

    async def secret_of(self, access_key_id: str) -> tuple[str, Principal] | None: ...


async def secret_for(
    keys: Keys, access_key: str, dialect: Dialect, *, in_session: bool
) -> tuple[str, Principal]:
    """`in_session`: the request carries a session token, which AWS's temporary keys come with."""
    if in_session:
        message = "No session tokens are issued here; unset AWS_SESSION_TOKEN and sign again."
        raise Refused(dialect.bad_session, message)
    found = await keys.secret_of(access_key)
    if found is None:
        raise Refused(
            dialect.unknown_key,
            "The access key id is not known here, or is expired or revoked;"
            " `undercroft keys create` makes one.",
        )
    return found
