"""Reads a document's `.metadata.json`: its attributes, and how a CSV is read per row."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from kit.errors import InvalidRequest
from services.search.ports import Metadata, MetadataValue, RecordStructure

MAX_BYTES: Final = 10 * 1024
_KEY_CHARACTERS: Final = 100
_RESERVED: Final = "x-amz-bedrock-"
_RECORD_BASED: Final = "RECORD_BASED_STRUCTURE_METADATA"
_TYPED: Final = {
    "STRING": "stringValue",
    "NUMBER": "numberValue",
    "BOOLEAN": "booleanValue",
    "STRING_LIST": "stringListValue",
}
_EXPECTED: Final[Mapping[str, type]] = {
    "stringValue": str,
    "numberValue": float,
    "booleanValue": bool,
    "stringListValue": list,
}


class Sidecar(NamedTuple):
    metadata: Metadata
    records: RecordStructure | None


def parse_sidecar(body: bytes) -> Sidecar:
    """Raises InvalidRequest with the reason, in words about the sidecar file."""
    if len(body) > MAX_BYTES:
        raise InvalidRequest(f"The metadata file is larger than {MAX_BYTES // 1024} KB.")
    content = _load(body)
    attributes = content.get("metadataAttributes")
    structure = content.get("documentStructureConfiguration")
    if attributes is None and structure is None:
        raise InvalidRequest("The metadata file has no metadataAttributes.")
    if attributes is not None and not isinstance(attributes, dict):
        raise InvalidRequest("metadataAttributes must be an object of keys and values.")
    metadata: Metadata = {}
    for key, value in (attributes or {}).items():
        _check_key(key)
        metadata[key] = _attribute(key, value)
    return Sidecar(metadata, None if structure is None else _records(structure))


def _load(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("The metadata file is not valid UTF-8.") from error
    except RecursionError as error:
        raise InvalidRequest("The metadata file is nested too deeply.") from error
    except ValueError as error:  # a JSONDecodeError, or a number of too many digits
        raise InvalidRequest(f"The metadata file is not valid JSON: {error}.") from error
    _check_unicode(content)
    if not isinstance(content, dict):
        raise InvalidRequest("The metadata file must be a JSON object with metadataAttributes.")
    return content


def _check_unicode(content: Any) -> None:
    """JSON may spell halves of a surrogate pair, which no encoding can write."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest("The metadata file holds text that is not valid Unicode.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidRequest(f"The metadata file has the key {twice!r} twice.")
    return content


def _no_constant(name: str) -> float:
    raise InvalidRequest(f"The metadata file holds {name}, which is not a JSON number.")


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= _KEY_CHARACTERS:
        raise InvalidRequest(f"A metadata key must have 1 to {_KEY_CHARACTERS} characters.")
    if key.lower().startswith(_RESERVED):
        raise InvalidRequest(f"The metadata key {key!r} begins with the reserved {_RESERVED!r}.")


def _attribute(key: str, value: Any) -> MetadataValue:
    """A plain value, or one in the typed form `{"value": {"type": ..., "stringValue": ...}}`.

    The typed form's `includeForEmbedding` is checked only: vectors here are of the text alone, so
    that a change of metadata needs no new ones.
    """
    if not isinstance(value, dict):
        return _plain(key, value)
    typed = value.get("value")
    member = _TYPED.get(str(typed.get("type"))) if isinstance(typed, dict) else None
    if not isinstance(typed, dict) or member is None:
        raise InvalidRequest(
            f"The metadata attribute {key!r} must be a string, number, boolean or list of strings, "
            'or {"value": {"type": ...}} with one of ' + ", ".join(_TYPED) + "."
        )
    if "includeForEmbedding" in value and not isinstance(value["includeForEmbedding"], bool):
        raise InvalidRequest(f"includeForEmbedding of {key!r} must be true or false.")
    plain = _plain(key, typed.get(member))
    if not isinstance(plain, _EXPECTED[member]) or (
        member == "numberValue" and isinstance(plain, bool)
    ):
        raise InvalidRequest(f"The metadata attribute {key!r} has a wrong {member}.")
    return plain


def _plain(key: str, value: Any) -> MetadataValue:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        number = _finite(value)
        if number is None:
            raise InvalidRequest(f"The metadata attribute {key!r} is too large a number.")
        return number
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    kind = "null" if value is None else "a list of other things" if value else "missing"
    raise InvalidRequest(
        f"The metadata attribute {key!r} must be a string, number, boolean or list of strings, "
        f"not {kind}."
    )


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _records(structure: Any) -> RecordStructure:
    if not isinstance(structure, dict) or structure.get("type") != _RECORD_BASED:
        raise InvalidRequest(f"documentStructureConfiguration.type must be {_RECORD_BASED}.")
    record = structure.get("recordBasedStructureMetadata")
    if not isinstance(record, dict):
        raise InvalidRequest("documentStructureConfiguration lacks recordBasedStructureMetadata.")
    contents = _field_names(record.get("contentFields"), "contentFields")
    if len(contents) != 1:
        raise InvalidRequest("contentFields must name exactly one column.")
    choice = record.get("metadataFieldsSpecification")
    if choice is None:
        return RecordStructure(contents[0])
    if not isinstance(choice, dict):
        raise InvalidRequest("metadataFieldsSpecification must be an object.")
    include, exclude = choice.get("fieldsToInclude"), choice.get("fieldsToExclude")
    return RecordStructure(
        contents[0],
        None if include in (None, []) else _field_names(include, "fieldsToInclude"),
        () if exclude in (None, []) else _field_names(exclude, "fieldsToExclude"),
    )


def _field_names(fields: Any, member: str) -> tuple[str, ...]:
    if not isinstance(fields, list) or not fields:
        raise InvalidRequest(f'{member} must be a list of {{"fieldName": ...}}.')
    names = [field.get("fieldName") if isinstance(field, dict) else None for field in fields]
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidRequest(f"Every member of {member} must have a fieldName.")
    return tuple(str(name) for name in names)
