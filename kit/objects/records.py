"""What the object store says of buckets, objects, uploads, parts and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.objects.checksums import Checksum
from kit.objects.ports import ByteStream

ENABLED, SUSPENDED, UNVERSIONED = "Enabled", "Suspended", ""
NULL_VERSION = "null"


@dataclass(frozen=True, slots=True)
class Bucket:
    """`versioning` is Enabled, Suspended or empty; `created` in UNIX seconds."""

    name: str
    region: str
    created: float
    versioning: str
    tags: Mapping[str, str]
    notifications: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a caller says of an object. `headers` by lower-case name: content-type, expires …"""

    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the sender promises of the bytes.

    `length` in bytes; `md5` in hex; `algorithm` and `checksum` (base64) as S3 names them. With an
    algorithm and no checksum it is computed and stored. A checksum may also stand in `trailers`
    (`x-amz-checksum-…`), which are filled by the time the body has ended.
    """

    length: int | None = None
    md5: str = ""
    algorithm: str = ""
    checksum: str = ""
    trailers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One version of an object; `modified` in UNIX seconds, `etag` without its quotes.

    `parts` is how many parts it was uploaded in, 0 when it came whole. `id` names the version for
    ever, across the whole platform.
    """

    id: str
    bucket: str
    key: str
    version: str
    latest: bool
    marker: bool
    size: int
    etag: str
    modified: float
    attributes: Attributes
    checksum: Checksum | None
    parts: int


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `start + length` of an object of `size` bytes.

    `partial` says that a range or a part was asked for, even if it is all of the object.
    """

    start: int
    length: int
    size: int
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """An object opened for reading: its record, the span and the bytes of that span."""

    info: ObjectInfo
    span: Span
    chunks: ByteStream


@dataclass(frozen=True, slots=True)
class Deleted:
    """`version` is the delete marker made, or the version removed; empty where unversioned."""

    key: str
    version: str = ""
    marker: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A multi-part upload under way; `algorithm` and `kind` are those of its checksum."""

    id: str
    key: str
    started: float
    attributes: Attributes
    algorithm: str
    kind: str


@dataclass(frozen=True, slots=True)
class Part:
    """`checksum` is base64, by its upload's algorithm."""

    number: int
    blob: str
    size: int
    md5: str
    checksum: str
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to an object; `number` grows by one with each event of its bucket."""

    number: int
    name: str
    key: str
    version: str
    size: int
    etag: str
    at: float
