"""Listings through boto3's paginators, against a plain-Python oracle."""

import asyncio
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.s3_support import S3Server, once

pytest_plugins = ("tests.wire.s3_fixtures",)

# Few marks, so that prefixes, delimiters and their doubles meet often; some sort oddly in UTF-16.
KEYS = st.lists(
    st.text("ab/ +%~é\uffee🦀", min_size=1, max_size=6), min_size=0, max_size=25, unique=True
)
SOMETIMES = st.sampled_from(["", "", "a", "a/", "b", "/", "é", "🦀", "ab/"])
DELIMITERS = st.sampled_from(["", "/", "a", "/a", "é"])


def oracle(keys: list[str], prefix: str, delimiter: str, after: str) -> tuple[list[str], list[str]]:
    """The keys and common prefixes of a whole listing, each in byte order."""
    plain, groups = [], []
    skipped = after if delimiter and after.find(delimiter, len(prefix)) >= 0 else ""
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix) or key.encode() <= after.encode():
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            plain.append(key)
            continue
        group = key[: at + len(delimiter)]
        if group not in groups and group != skipped:
            groups.append(group)
    return plain, groups


def fill(server: S3Server, keys: list[str]) -> str:
    name = f"listing-{time.time_ns()}"

    async def make() -> None:
        await server.store.buckets.create("alice", name, "us-east-1")
        for key in keys:
            await server.store.put("alice", name, key, once(b""))

    asyncio.run(make())
    return name


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=KEYS,
    prefix=SOMETIMES,
    delimiter=DELIMITERS,
    after=SOMETIMES,
    size=st.integers(1, 5),
    operation=st.sampled_from(["list_objects", "list_objects_v2"]),
)
def test_pages_together_are_the_whole_listing(
    s3_server: S3Server,
    s3: Any,
    keys: list[str],
    prefix: str,
    delimiter: str,
    after: str,
    size: int,
    operation: str,
) -> None:
    bucket = fill(s3_server, keys)
    start = {"list_objects": "Marker", "list_objects_v2": "StartAfter"}[operation]
    asked = {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter, start: after}
    paginator = s3.get_paginator(operation)
    pages = list(paginator.paginate(**asked, PaginationConfig={"PageSize": size}))
    plain = [item["Key"] for page in pages for item in page.get("Contents", ())]
    groups = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
    assert (plain, groups) == oracle(keys, prefix, delimiter, after)
    for page in pages[:-1]:
        assert len(page.get("Contents", ())) + len(page.get("CommonPrefixes", ())) == size


def test_groups_roll_up_over_pages(s3_server: S3Server, s3: Any) -> None:
    bucket = fill(s3_server, [f"{top}/{number:02}" for top in "abcdef" for number in range(40)])
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=4)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["a/", "b/", "c/", "d/"]
    rest = s3.list_objects_v2(
        Bucket=bucket, Delimiter="/", ContinuationToken=page["NextContinuationToken"]
    )
    assert [item["Prefix"] for item in rest["CommonPrefixes"]] == ["e/", "f/"]
    assert (rest["IsTruncated"], rest["KeyCount"]) == (False, 2)


def test_bad_pages_are_refused_and_empty_ones_are_empty(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError) as failure:
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="not a token")
    assert failure.value.response["Error"]["Code"] == "InvalidArgument"
    with pytest.raises(ClientError) as failure:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)
    assert failure.value.response["Error"]["Code"] == "InvalidArgument"
    empty = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)


def test_uploads_under_way_are_listed_in_pages(s3: Any, bucket: str) -> None:
    made = []
    for key in ("a", "a", "b/1", "b/2", "c"):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        made.append((key, upload))
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    found = [(u["Key"], u["UploadId"]) for page in pages for u in page.get("Uploads", ())]
    assert found == made
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [item["Prefix"] for item in rolled["CommonPrefixes"]] == ["b/"]
