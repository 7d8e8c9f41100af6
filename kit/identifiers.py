"""Identifiers: time-ordered ones for rows, short ones in the form that AWS gives its resources."""

import secrets
import string

from uuid_utils import uuid7

_AWS_ALPHABET = string.ascii_uppercase + string.digits


def row_id() -> str:
    """A UUIDv7 as text: sorts by time of making."""
    return str(uuid7())


def resource_id() -> str:
    """Ten characters of A-Z and 0-9, as in knowledge-base and data-source ids."""
    return "".join(secrets.choice(_AWS_ALPHABET) for _ in range(10))
