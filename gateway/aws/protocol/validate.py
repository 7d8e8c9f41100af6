"""Holds parameters against the model's bounds, and reports what fails in AWS's own words."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from gateway.aws.protocol.failures import SerializationFailed, ValidationFailed
from gateway.aws.protocol.models import OperationSpec, is_streaming
from gateway.aws.protocol.patterns import translate

_MOST_REPORTED = 10
_LONGEST_SHOWN = 256
_MOST_COUNTED = 100
# A pattern may take quadratic time; no model bounds a longer value by its pattern alone.
_LONGEST_MATCHED = 8192
# Models have names of their makers' and their owners' here (`TheBloke/Llama-2-7B`, `mine@sha256…`),
# which these shapes, made for AWS's ids and ARNs, would refuse.
_MODEL_NAMES = frozenset(
    {
        "BedrockModelArn",
        "BedrockModelId",
        "ConversationalModelId",
        "FoundationModelVersionIdentifier",
        "GetFoundationModelIdentifier",
        "InvokeModelIdentifier",
        "ModelIdentifier",
    }
)
_ANY_NAME = r"\S+"


@dataclass(frozen=True, slots=True)
class _Failure:
    """`path` is relative to the checked value, and empty for the value itself."""

    path: str
    shown: str
    constraint: str


_Check = Callable[[Any], list[_Failure] | None]


def validate(spec: OperationSpec, parameters: dict[str, Any]) -> None:
    """Raises ValidationFailed that lists up to ten members; `param` is the first of them."""
    check = _checker(spec)
    try:
        failures = check(parameters) if check else None
    except RecursionError as error:
        raise SerializationFailed("The parameters are nested too deeply.") from error
    if failures:
        raise ValidationFailed(_message(failures), param=failures[0].path)


def _message(failures: list[_Failure]) -> str:
    details = "; ".join(
        f"Value{found.shown} at '{found.path}' failed to satisfy constraint: {found.constraint}"
        for found in failures[:_MOST_REPORTED]
    )
    plural = "" if len(failures) == 1 else "s"
    return f"{len(failures)} validation error{plural} detected: {details}"


@cache
def _checker(spec: OperationSpec) -> _Check | None:
    return _compile(spec.input, {}) if spec.input is not None else None


def _compile(shape: Any, known: dict[str, _Check]) -> _Check | None:
    kind = shape.type_name
    if getattr(shape, "is_document_type", False) or is_streaming(shape):
        return None
    if kind == "structure":
        if shape.name not in known:
            known[shape.name] = lambda value: done(value)
            done = known[shape.name] = _structure(shape, known)
        return known[shape.name]
    if shape.serialization.get("jsonvalue") and shape.serialization.get("location") == "header":
        return None
    rules = _rules(shape)
    if kind == "list":
        return _list(shape, rules, _compile(shape.member, known))
    if kind == "map":
        return _map(shape, rules, _compile(shape.key, known), _compile(shape.value, known))
    return _scalar(shape, rules)


def _structure(shape: Any, known: dict[str, _Check]) -> _Check:
    required = tuple(shape.required_members)
    is_union = bool(shape.metadata.get("union"))
    checks = {name: _compile(member, known) for name, member in shape.members.items()}

    def check(value: Any) -> list[_Failure] | None:
        if not isinstance(value, dict):
            return [_Failure("", _shown(shape, value), "Member must be a structure")]
        failures = [
            _Failure(name, " null", "Member must not be null")
            for name in required
            if name not in value
        ]
        if is_union and len(value) != 1:
            failures.append(_Failure("", "", "Member must have exactly one of its members set"))
        for name, item in value.items():
            check_member = checks[name]
            found = check_member(item) if check_member else None
            if found:
                failures += _under(name, found)
        return failures or None

    return check


def _list(shape: Any, rules: "list[_Rule]", check_item: _Check | None) -> _Check:
    def check(value: Any) -> list[_Failure] | None:
        if not isinstance(value, list | tuple):
            return [_Failure("", _shown(shape, value), "Member must be a list")]
        failures = _broken(shape, rules, value)
        for index, item in enumerate(value, 1):
            if len(failures) >= _MOST_COUNTED:
                break
            if item is None:
                failures.append(_Failure(f"{index}.member", " null", "Member must not be null"))
            elif check_item and (found := check_item(item)):
                failures += _under(f"{index}.member", found)
        return failures or None

    return check


def _map(
    shape: Any, rules: "list[_Rule]", check_key: _Check | None, check_item: _Check | None
) -> _Check:
    def check(value: Any) -> list[_Failure] | None:
        if not isinstance(value, dict):
            return [_Failure("", _shown(shape, value), "Member must be a map")]
        failures = _broken(shape, rules, value)
        for key, item in value.items():
            if len(failures) >= _MOST_COUNTED:
                break
            failures += _under("key", (check_key(key) if check_key else None) or [])
            if item is None:
                failures.append(_Failure(f"{key}.member", " null", "Member must not be null"))
            elif check_item and (found := check_item(item)):
                failures += _under(f"{key}.member", found)
        return failures or None

    return check


def _scalar(shape: Any, rules: "list[_Rule]") -> _Check:
    kinds, noun = _TYPES[shape.type_name]
    is_boolean = shape.type_name == "boolean"

    def check(value: Any) -> list[_Failure] | None:
        if not isinstance(value, kinds) or (isinstance(value, bool) and not is_boolean):
            return [_Failure("", _shown(shape, value), f"Member must be {noun}")]
        if not rules:
            return None
        return _broken(shape, rules, value) or None

    return check


@dataclass(frozen=True, slots=True)
class _Rule:
    holds: Callable[[Any], bool]
    constraint: str


def _rules(shape: Any) -> list[_Rule]:
    metadata, kind = shape.metadata, shape.type_name
    rules = [*_bounds(metadata, kind)]
    if "enum" in metadata:
        allowed = frozenset(metadata["enum"])
        listed = ", ".join(metadata["enum"])
        rules.append(_Rule(allowed.__contains__, f"Member must satisfy enum value set: [{listed}]"))
    text = _ANY_NAME if shape.name in _MODEL_NAMES else metadata.get("pattern")
    pattern = translate(text) if text is not None else None
    if pattern is not None and kind == "string":
        match = pattern.fullmatch
        rules.append(
            _Rule(
                lambda value: len(value) > _LONGEST_MATCHED or match(value) is not None,
                f"Member must satisfy regular expression pattern: {text}",
            )
        )
    return rules


def _bounds(metadata: dict[str, Any], kind: str) -> list[_Rule]:
    is_number = kind in ("integer", "long", "float", "double")
    noun = "value" if is_number else "length"
    measure: Callable[[Any], Any] = _itself if is_number else len
    rules = []
    if metadata.get("min") is not None and (is_number or metadata["min"] > 0):
        least = metadata["min"]
        rules.append(
            _Rule(
                lambda value: measure(value) >= least,
                f"Member must have {noun} greater than or equal to {least}",
            )
        )
    if metadata.get("max") is not None:
        most = metadata["max"]
        rules.append(
            _Rule(
                lambda value: measure(value) <= most,
                f"Member must have {noun} less than or equal to {most}",
            )
        )
    return rules


def _broken(shape: Any, rules: list[_Rule], value: Any) -> list[_Failure]:
    """The first rule that fails: the pattern is not tried on a value that is too long."""
    for rule in rules:
        if not rule.holds(value):
            return [_Failure("", _shown(shape, value), rule.constraint)]
    return []


def _under(name: str, failures: list[_Failure]) -> list[_Failure]:
    return [
        replace(found, path=f"{name}.{found.path}" if found.path else name) for found in failures
    ]


def _shown(shape: Any, value: Any) -> str:
    """The value as AWS shows it; a sensitive one is not."""
    if shape.metadata.get("sensitive"):
        return ""
    if isinstance(value, bytes):
        return f" of {len(value)} bytes"
    if isinstance(value, list):
        value = f"[{', '.join(map(str, value[:_LONGEST_SHOWN]))}]"
    text = str(value)
    return f" '{text[:_LONGEST_SHOWN]}{'...' if len(text) > _LONGEST_SHOWN else ''}'"


def _itself(value: Any) -> Any:
    return value


_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "a string"),
    "character": (str, "a string"),
    "boolean": (bool, "a boolean"),
    "integer": (int, "an integer"),
    "long": (int, "a long"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "timestamp": (datetime, "a timestamp"),
    "blob": ((bytes, bytearray), "a blob"),
}
