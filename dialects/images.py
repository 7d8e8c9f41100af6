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
    if not isinstance(data, str | bytes) or not data:
        raise malformed(f"[{where}] must be an image in base64", where)
    if len(data) > (_LONGEST if isinstance(data, str) else _LONGEST * 3 // 4):
        raise malformed(f"[{where}] must have {_LONGEST} characters of base64 at most", where)
    if isinstance(data, bytes):
        raw, text = data, base64.b64encode(data).decode()
    else:
        raw, text = _decoded(data, where), data
    return ImagePart(media_type=_known(media_type, raw, where), data=text, place=where)


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed(f"[{where}] must be an image in base64", where) from error


def _known(media_type: str | None, raw: bytes, where: str) -> MediaType:
    for beginning, kind in _BEGINNINGS.items():
        if media_type == kind or (media_type is None and raw.startswith(beginning)):
            return kind
    raise malformed(f"[{where}] must be one of {', '.join(MEDIA_TYPES)}", where)
