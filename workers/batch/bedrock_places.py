"""Where a Bedrock batch reads and writes: S3 locations, and the keys behind them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from kit.errors import Conflict, InvalidRequest, NotFound
from kit.objects.conditions import Conditions
from kit.objects.errors import ConditionFailed
from kit.objects.listing import Query
from kit.objects.names import check_key
from kit.objects.records import ObjectInfo, Reading
from kit.objects.store import ObjectStore

_MOST_SOURCES = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """An object as it was when the batch began: the same lines each time that it is read."""

    key: str
    version: str
    etag: str

    @classmethod
    def of(cls, info: ObjectInfo) -> "Source":
        return cls(info.key, info.version, info.etag)

    async def open(self, objects: ObjectStore, tenant: str, bucket: str) -> Reading:
        """Raises Conflict where it was replaced, NoSuchKey or NoSuchVersion where it is gone."""
        same = Conditions(if_match=f'"{self.etag}"')
        try:
            return await objects.open(
                tenant, bucket, self.key, version=self.version, conditions=same
            )
        except ConditionFailed as error:
            raise Conflict(f"s3://{bucket}/{self.key} was replaced while its batch ran.") from error


def stored(found: Sequence[Source]) -> list[dict[str, str]]:
    return [asdict(source) for source in found]


async def sources(objects: ObjectStore, tenant: str, place: dict[str, str]) -> list[Source]:
    """The object that the location names, or the `.jsonl` objects in it as a folder.

    Raises NotFound where there is none, InvalidRequest where there are too many.
    """
    bucket, key = place["bucket"], place["key"]
    if key and not key.endswith("/"):
        try:
            info, _ = await objects.head(tenant, bucket, key)
        except NotFound:
            key += "/"
        else:
            return [Source.of(info)]
    page = await objects.listing.current(tenant, bucket, Query(prefix=key, limit=_MOST_SOURCES))
    if page.truncated:
        raise InvalidRequest(f"There are more than {_MOST_SOURCES} objects in the input location.")
    found = [Source.of(info) for info in page.items if info.key.endswith(".jsonl")]
    if not found:
        raise NotFound(f"There is no object s3://{bucket}/{place['key']}, and no .jsonl in it.")
    return found


def output_key(prefix: str, job: str, asked: str, key: str) -> str:
    """Beside the others of its job, under its whole name within the input location."""
    if asked == key:
        return f"{prefix}{job}/{key.rpartition('/')[2]}.out"
    folder = asked if not asked or asked.endswith("/") else f"{asked}/"
    return f"{prefix}{job}/{key.removeprefix(folder)}.out"


def manifest_key(prefix: str, job: str) -> str:
    return f"{prefix}{job}/manifest.json.out"


def check_outputs(prefix: str, job: str, asked: str, found: Sequence[Source]) -> None:
    """Raises InvalidRequest where an answer could not be written beside all others."""
    manifest = manifest_key(prefix, job)
    for source in found:
        key = output_key(prefix, job, asked, source.key)
        check_key(key)
        if key == manifest:
            raise InvalidRequest(
                f"The output of {source.key} would have the manifest's name; rename the input."
            )
