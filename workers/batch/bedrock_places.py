"""Where a Bedrock batch reads and writes: S3 locations, and the keys behind them."""

from kit.errors import InvalidRequest, NotFound
from kit.objects.listing import Query
from kit.objects.store import ObjectStore

_MOST_SOURCES = 1000


async def sources(objects: ObjectStore, tenant: str, place: dict[str, str]) -> list[str]:
    """The object that the location names, or the `.jsonl` objects in it as a folder.

    Raises NotFound where there is none, InvalidRequest where there are too many.
    """
    bucket, key = place["bucket"], place["key"]
    if key and not key.endswith("/"):
        try:
            await objects.head(tenant, bucket, key)
        except NotFound:
            key += "/"
        else:
            return [key]
    page = await objects.listing.current(tenant, bucket, Query(prefix=key, limit=_MOST_SOURCES))
    if page.truncated:
        raise InvalidRequest(f"There are more than {_MOST_SOURCES} objects in the input location.")
    found = [info.key for info in page.items if info.key.endswith(".jsonl")]
    if not found:
        raise NotFound(f"There is no object s3://{bucket}/{place['key']}, and no .jsonl in it.")
    return found


def output_key(prefix: str, job: str, asked: str, key: str) -> str:
    """Beside the others of its job, under its name within the input location."""
    within = key.removeprefix(asked).lstrip("/") if asked != key else key.rpartition("/")[2]
    return f"{prefix}{job}/{within}.out"
