"""Scalars on the wire: timestamps in three forms, blobs in base64, numbers and booleans as text.

Readers never raise: a value that cannot be read is left as it is, so that validation reports it
with the name of its member.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import orjson

Convert = Callable[[Any], Any]
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def read_timestamp(value: Any) -> Any:
    """A UTC datetime from epoch seconds, ISO 8601 or an HTTP date."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            return _timestamp_of(value.strip())
    except (ValueError, OverflowError, OSError):
        return value
    return value


def write_timestamp(value: datetime | float, form: str) -> str | int | float:
    """`form` is botocore's: unixTimestamp, iso8601 or rfc822; seconds since the epoch also do."""
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    if moment.tzinfo is None:
        raise ValueError("A timestamp without a time zone was given to the wire.")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    if form == "rfc822":
        return format_datetime(moment, usegmt=True)
    if form == "iso8601":
        precision = "milliseconds" if moment.microsecond else "seconds"
        return moment.isoformat(timespec=precision)[: -len("+00:00")] + "Z"
    seconds = moment.timestamp()
    return int(seconds) if seconds.is_integer() else round(seconds, 3)


def read_blob(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value
    return value


def write_blob(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def read_boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text.lower(), text)


def read_integer(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text) else text


def read_float(text: str) -> Any:
    try:
        return text if "_" in text else float(text)
    except ValueError:
        return text


def read_json_header(text: str) -> Any:
    """A header that carries JSON, in base64."""
    try:
        return orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, orjson.JSONDecodeError):
        return text


def text_reader(shape: Any) -> Convert | None:
    """Reads a scalar from a path, query, header, form or XML element; None leaves it as it is."""
    if shape.serialization.get("jsonvalue") and shape.serialization.get("location") == "header":
        return read_json_header
    return _READERS.get(shape.type_name)


def text_writer(shape: Any, timestamp_form: str) -> Callable[[Any], str]:
    """Writes a scalar as text; `timestamp_form` where the shape does not name its own."""
    kind = shape.type_name
    if shape.serialization.get("jsonvalue") and shape.serialization.get("location") == "header":
        return lambda value: write_blob(orjson.dumps(value))
    if kind == "timestamp":
        form = shape.serialization.get("timestampFormat", timestamp_form)
        return lambda value: str(write_timestamp(value, form))
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    return write_blob if kind == "blob" else str


def _timestamp_of(text: str) -> datetime:
    if text[:1].isdigit() or text[:1] == "-":
        if "T" not in text and ":" not in text and "-" not in text[1:]:
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    else:
        moment = parsedate_to_datetime(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_READERS: dict[str, Convert] = {
    "boolean": read_boolean,
    "integer": read_integer,
    "long": read_integer,
    "float": read_float,
    "double": read_float,
    "timestamp": read_timestamp,
    "blob": read_blob,
}
