"""Versioning as S3 has it: version ids, delete markers, null versions, suspended buckets."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

pytest_plugins = ("tests.wire.s3_fixtures",)


def set_versioning(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def put(s3: Any, bucket: str, body: bytes) -> str:
    return str(s3.put_object(Bucket=bucket, Key="k", Body=body).get("VersionId", "null"))


def shown(s3: Any, bucket: str) -> list[tuple[str, bool, bool]]:
    """(version, latest, marker), as listed."""
    page = s3.list_object_versions(Bucket=bucket)
    versions = [(v["VersionId"], v["IsLatest"], False) for v in page.get("Versions", ())]
    return versions + [(m["VersionId"], m["IsLatest"], True) for m in page.get("DeleteMarkers", ())]


def test_each_write_keeps_the_versions_before_it(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert put(s3, bucket, b"0") == "null"
    set_versioning(s3, bucket, "Enabled")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    first, second = put(s3, bucket, b"1"), put(s3, bucket, b"2")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == second
    for version, body in (("null", b"0"), (first, b"1"), (second, b"2")):
        got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert (got["Body"].read(), got["VersionId"]) == (body, version)
    assert shown(s3, bucket) == [
        (second, True, False),
        (first, False, False),
        ("null", False, False),
    ]


def test_a_delete_marker_hides_and_its_removal_shows_again(s3: Any, bucket: str) -> None:
    set_versioning(s3, bucket, "Enabled")
    version = put(s3, bucket, b"1")
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert deleted["DeleteMarker"] is True
    marker = deleted["VersionId"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError) as failure:
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker)
    assert failure.value.response["Error"]["Code"] == "MethodNotAllowed"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"1"
    with pytest.raises(ClientError) as failure:
        s3.delete_bucket(Bucket=bucket)
    assert failure.value.response["Error"]["Code"] == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_removing_the_current_version_uncovers_the_one_before(s3: Any, bucket: str) -> None:
    set_versioning(s3, bucket, "Enabled")
    first, second = put(s3, bucket, b"1"), put(s3, bucket, b"2")
    s3.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert shown(s3, bucket) == [(first, True, False)]
    with pytest.raises(s3.exceptions.ClientError) as failure:
        s3.get_object(Bucket=bucket, Key="k", VersionId=second)
    assert failure.value.response["Error"]["Code"] == "NoSuchVersion"


def test_a_suspended_bucket_writes_over_its_null_version_alone(s3: Any, bucket: str) -> None:
    set_versioning(s3, bucket, "Enabled")
    kept = put(s3, bucket, b"kept")
    set_versioning(s3, bucket, "Suspended")
    put(s3, bucket, b"a")
    put(s3, bucket, b"b")
    assert shown(s3, bucket) == [("null", True, False), (kept, False, False)]
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
    assert shown(s3, bucket) == [(kept, False, False), ("null", True, True)]


def test_a_copy_can_bring_an_old_version_back(s3: Any, bucket: str) -> None:
    set_versioning(s3, bucket, "Enabled")
    first = put(s3, bucket, b"1")
    put(s3, bucket, b"2")
    source = {"Bucket": bucket, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == first
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_versions_come_in_pages(s3: Any, bucket: str) -> None:
    set_versioning(s3, bucket, "Enabled")
    made = []
    for number in range(7):
        key = "a" if number < 5 else "b/c"
        answer = s3.put_object(Bucket=bucket, Key=key, Body=b"")
        made.append((key, answer["VersionId"]))
    expected = made[4::-1] + made[6:4:-1]
    for size in (1, 2, 3, 100):
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size}
        )
        found = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", ())]
        assert found == expected
    rolled = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert [item["Prefix"] for item in rolled["CommonPrefixes"]] == ["b/"]
    with pytest.raises(ClientError) as failure:
        s3.list_object_versions(Bucket=bucket, KeyMarker="a", VersionIdMarker="no-such")
    assert failure.value.response["Error"]["Code"] == "InvalidArgument"


def test_deleting_many_marks_or_removes_versions(s3: Any, bucket: str) -> None:
    set_versioning(s3, bucket, "Enabled")
    first, second = put(s3, bucket, b"1"), put(s3, bucket, b"2")
    wanted = {"Objects": [{"Key": "k", "VersionId": first}, {"Key": "k"}]}
    removed, marked = s3.delete_objects(Bucket=bucket, Delete=wanted)["Deleted"]
    assert (removed["VersionId"], "DeleteMarker" in removed) == (first, False)
    assert marked["DeleteMarker"] is True
    assert shown(s3, bucket) == [
        (second, False, False),
        (marked["DeleteMarkerVersionId"], True, True),
    ]
