"""Who is calling: the outcome of authentication, and the only source of a tenant."""

from dataclasses import dataclass, field

from kit.auth.scopes import FULL_ACCESS, Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """`account` is the tenant's 12-digit AWS account number; `key` the id of the key used."""

    tenant: str
    account: str
    key: str
    scopes: tuple[Scope, ...] = field(default=(FULL_ACCESS,))
