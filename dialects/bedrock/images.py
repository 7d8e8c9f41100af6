"""Images in base64, whose kind is read from their first bytes where the wire does not tell it."""

import base64
import binascii
from typing import Literal, TypeAlias, get_args

from contracts.generation.messages import ImagePart
from dialects.body import malformed

MediaType: TypeAlias = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)

_BEGINNINGS: dict[bytes, MediaType] = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
_LONGEST = 30_000_000


def image(data: object, where: str, media_type: str | None = None) -> ImagePart:
    """`data` is base64, or bytes where the protocol has decoded them. Raises InvalidRequest."""
    given = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    if not isinstance(given, str) or not given:
        raise malformed(f"[{where}] must be an image in base64", where)
    if len(given) > _LONGEST:
        raise malformed(f"[{where}] must have {_LONGEST} characters at most", where)
    try:
        raw = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed(f"[{where}] must be an image in base64", where) from error
    return ImagePart(media_type=_known(media_type, raw, where), data=given)


def _known(media_type: str | None, raw: bytes, where: str) -> MediaType:
    for beginning, kind in _BEGINNINGS.items():
        if media_type == kind or (media_type is None and raw.startswith(beginning)):
            return kind
    raise malformed(f"[{where}] must be one of {', '.join(MEDIA_TYPES)}", where)
