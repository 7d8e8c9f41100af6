"""S3's checksums: computed while bytes pass, and combined from a multi-part upload's parts."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt
from typing_extensions import override

from kit.objects.errors import BadRequest

DEFAULT_ALGORITHM = "CRC64NVME"
"""What an object gets when its sender names none, as on AWS."""

FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


@dataclass(frozen=True, slots=True)
class Checksum:
    """`value` is base64, with `-parts` after a composite one; `kind` FULL_OBJECT or COMPOSITE."""

    algorithm: str
    value: str
    kind: str = FULL_OBJECT


class Hasher(Protocol):
    """What hashlib and awscrt's hashers have in common."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], width: int) -> None:
        self._function, self._width, self._value = function, width, 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _XxHash:
    def __init__(self, hasher: crt.XXHash) -> None:
        self._hasher = hasher

    def update(self, data: bytes, /) -> None:
        self._hasher.update(data)

    def digest(self) -> bytes:
        return bytes(self._hasher.finalize())


_MAKERS: dict[str, Callable[[], Hasher]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "XXHASH64": lambda: _XxHash(crt.XXHash.new_xxhash64()),
    "XXHASH3": lambda: _XxHash(crt.XXHash.new_xxhash3_64()),
    "XXHASH128": lambda: _XxHash(crt.XXHash.new_xxhash3_128()),
}
_COMBINERS: dict[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}
ALGORITHMS = tuple(_MAKERS)


class Digests:
    """Several checksums of one stream: always its MD5, and those asked for."""

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        self._hashers = {name: new_hasher(name) for name in {"MD5", *algorithms}}
        self.size = 0

    def update(self, piece: bytes) -> None:
        self.size += len(piece)
        for hasher in self._hashers.values():
            hasher.update(piece)

    def md5_hex(self) -> str:
        return self._hashers["MD5"].digest().hex()

    def value(self, algorithm: str) -> str:
        """The checksum so far, base64."""
        return base64.b64encode(self._hashers[algorithm].digest()).decode()

    @override
    def __repr__(self) -> str:
        return f"Digests({sorted(self._hashers)}, size={self.size})"


def new_hasher(algorithm: str) -> Hasher:
    """A hasher by S3's name of the algorithm, in upper case."""
    maker = _MAKERS.get(algorithm)
    if maker is None:
        raise BadRequest(
            f"{algorithm!r} is no checksum algorithm; use one of {', '.join(ALGORITHMS)}.",
            param="ChecksumAlgorithm",
        )
    return maker()


def default_kind(algorithm: str) -> str:
    """How S3 makes a multi-part upload's checksum when the caller does not say."""
    return FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE


def combinable(algorithm: str, kind: str) -> bool:
    """Only a CRC of the whole follows from CRCs of the parts; CRC64NVME knows nothing else."""
    return algorithm in _COMBINERS if kind == FULL_OBJECT else algorithm != "CRC64NVME"


def combined(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> Checksum:
    """The checksum of a multi-part object from its parts' (base64 value, size) in their order."""
    digests = [base64.b64decode(value) for value, _ in parts]
    if kind == COMPOSITE:
        hasher = new_hasher(algorithm)
        hasher.update(b"".join(digests))
        value = base64.b64encode(hasher.digest()).decode()
        return Checksum(algorithm, f"{value}-{len(parts)}", COMPOSITE)
    combine, total = _COMBINERS[algorithm], 0
    for digest, (_, size) in zip(digests, parts, strict=True):
        total = combine(total, int.from_bytes(digest, "big"), size)
    whole = total.to_bytes(len(digests[0]), "big")
    return Checksum(algorithm, base64.b64encode(whole).decode(), FULL_OBJECT)


def multipart_etag(md5s: Sequence[str]) -> str:
    """The MD5 of the parts' MD5s (hex), then `-` and their number, as S3 has it."""
    joined = b"".join(bytes.fromhex(md5) for md5 in md5s)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(md5s)}"
