"""What may be called a bucket, a key, a tag or a piece of user metadata."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address

from kit.objects.errors import (
    InvalidArgument,
    InvalidBucketName,
    InvalidTag,
    KeyTooLong,
    MetadataTooLarge,
)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED = re.compile(r"(xn--|sthree-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3)")
_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
MOST_KEY_BYTES = 1024
_METADATA_BYTES, _OBJECT_TAGS, _BUCKET_TAGS = 2048, 10, 50

RESERVED = "."
"""What the names of the platform's own buckets begin with; no tenant's can."""


def is_reserved(bucket: str) -> bool:
    return bucket.startswith(RESERVED)


def check_bucket_name(name: str) -> None:
    """Raises InvalidBucketName; the rules are those of AWS's general purpose buckets."""
    bad = not _BUCKET.fullmatch(name) or ".." in name or _RESERVED.fullmatch(name)
    if bad or _is_address(name):
        raise InvalidBucketName(
            f"{name!r} is no bucket name: use 3 to 63 of a-z, 0-9, '.' and '-', starting and "
            "ending with a letter or a number.",
            param="Bucket",
        )


def check_key(key: str) -> None:
    """Raises unless the key is 1 to 1024 bytes of UTF-8; anything else stays a key as it is."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgument("The key is not valid UTF-8.", param="Key") from error
    if length > MOST_KEY_BYTES:
        raise KeyTooLong(f"The key has {length} bytes; at most 1024 are allowed.", param="Key")
    if not length:
        raise InvalidArgument("The key is empty.", param="Key")


def check_metadata(metadata: Mapping[str, str]) -> None:
    size = sum(len(name.encode()) + len(text.encode()) for name, text in metadata.items())
    if size > _METADATA_BYTES:
        raise MetadataTooLarge(
            f"User metadata has {size} bytes; at most 2048 are allowed.", param="Metadata"
        )


def check_tags(tags: Mapping[str, str], *, of_bucket: bool = False) -> None:
    """Raises InvalidTag; an object has at most 10 tags, a bucket 50."""
    allowed = _BUCKET_TAGS if of_bucket else _OBJECT_TAGS
    if len(tags) > allowed:
        raise InvalidTag(f"There are {len(tags)} tags; at most {allowed} are allowed.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise InvalidTag(
                f"The tag {key[:128]!r} is too long: a key has 1 to 128, a value 0 to 256."
            )
        if not _TAG_TEXT.fullmatch(key) or not _TAG_TEXT.fullmatch(value):
            raise InvalidTag(f"The tag {key!r} has characters that a tag may not have.")
        if key.lower().startswith("aws:"):
            raise InvalidTag("Tags whose keys start with 'aws:' are the system's own.")


def _is_address(name: str) -> bool:
    try:
        return bool(IPv4Address(name))
    except ValueError:
        return False
