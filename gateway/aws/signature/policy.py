"""Evaluates the policy of a browser's POST upload: every field must be one that it allows."""

import base64
import binascii
import datetime
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.aws.signature.errors import Malformed, Refused

_MOST_BYTES = 2**63 - 1
# Fields that carry or follow the signature, so that no condition can name them.
_EXEMPT = frozenset({"policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"})
_IGNORED = "x-ignore-"


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Of the file, in bytes, both ends included."""

    least: int = 0
    most: int = _MOST_BYTES

    async def hold(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes; raises as soon as they are too many, or at the end if too few."""
        size = 0
        async for block in body:
            size += len(block)
            if size > self.most:
                message = f"The file is larger than the policy's {self.most} bytes."
                raise Malformed("EntityTooLarge", message)
            yield block
        if size < self.least:
            message = f"The file is smaller than the policy's {self.least} bytes."
            raise Malformed("EntityTooSmall", message)


def check_policy(encoded: str, fields: Mapping[str, str], now: float) -> SizeRange:
    """`fields` by lower-case name, the bucket among them. Raises Refused where one is not allowed.

    Only a policy whose signature was checked may be given.
    """
    policy = _decoded(encoded)
    if now > _expiration(policy.get("expiration")):
        raise Refused("AccessDenied", "Invalid according to Policy: Policy expired.")
    conditions = policy.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("it needs a list of conditions")
    sizes = SizeRange()
    covered: set[str] = set()
    for condition in conditions:
        for operator, name, value in _terms(condition):
            if operator == "content-length-range":
                sizes = _sizes(name, value, sizes)
                continue
            field = _field(name)
            covered.add(field)
            if not _holds(operator, field, fields.get(field, ""), value):
                message = f"Invalid according to Policy: Policy Condition failed: {condition}"
                raise Refused("AccessDenied", message)
    extra = sorted(
        name for name in fields.keys() - covered - _EXEMPT if not name.startswith(_IGNORED)
    )
    if extra:
        message = f"Invalid according to Policy: Extra input fields: {', '.join(extra)}"
        raise Refused("AccessDenied", message)
    return sizes


def _terms(condition: Any) -> list[tuple[str, Any, Any]]:
    """A condition as (operator, name, value); an object is one `eq` a member."""
    if isinstance(condition, dict):
        return [("eq", f"${name}", value) for name, value in condition.items()]
    if isinstance(condition, list) and len(condition) == 3 and isinstance(condition[0], str):
        return [(condition[0].lower(), condition[1], condition[2])]
    raise _invalid(f"a condition is an object or a list of three, not {condition!r}")


def _holds(operator: str, field: str, actual: str, wanted: Any) -> bool:
    if not isinstance(wanted, str):
        raise _invalid(f"the value of {field} must be a string")
    if operator == "eq":
        return actual == wanted
    if operator != "starts-with":
        raise _invalid(f"{operator!r} is no operator; use eq, starts-with or content-length-range")
    if field == "content-type":
        return all(part.strip().startswith(wanted) for part in actual.split(","))
    return actual.startswith(wanted)


def _field(name: Any) -> str:
    if not isinstance(name, str) or not name.startswith("$"):
        raise _invalid(f"a condition names its field as $field, not {name!r}")
    return name[1:].lower()


def _sizes(least: Any, most: Any, before: SizeRange) -> SizeRange:
    try:
        # Conditions add up: each further range can only narrow.
        return SizeRange(max(int(least), before.least), min(int(most), before.most))
    except (TypeError, ValueError) as error:
        raise _invalid("content-length-range takes two whole numbers") from error


def _decoded(encoded: str) -> dict[str, Any]:
    try:
        policy = orjson.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise _invalid("it is not base64 of JSON") from error
    if not isinstance(policy, dict):
        raise _invalid("it must be an object")
    return policy


def _expiration(text: Any) -> float:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise _invalid("expiration must be a date such as 2030-01-01T00:00:00Z") from error
    if moment.tzinfo is None:
        raise _invalid("expiration must end in Z")
    return moment.timestamp()


def _invalid(why: str) -> Malformed:
    return Malformed("InvalidPolicyDocument", f"Invalid Policy: {why}.")
