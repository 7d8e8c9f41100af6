"""Objects through boto3: what goes in comes out, with ranges, conditions, versions and copies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wire.s3_support import BOB, LIMITED, S3Server

pytest_plugins = ("tests.wire.s3_fixtures",)

ODD_KEYS = [
    "../../etc/passwd",
    "a//b///c",
    "/leading",
    "trailing/",
    "space and + plus & amp=%41",
    "ünïcödé/日本語/🦀",
    "line\nbreak\ttab",
    "e\u0301 is not é",
    "k" * 1024,
    "%2e%2e/",
    ".",
    "..",
    "<xml>&amp;]]>",
    "\u202eright to left",
]


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = failure.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_comes_back_as_it_was_sent(s3: Any, bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="report.txt",
        Body=b"hello",
        ContentType="text/plain; charset=utf-8",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="r.txt"',
        ContentEncoding="identity",
        ContentLanguage="de",
        Expires=datetime(2030, 1, 1, tzinfo=UTC),
        Metadata={"Author": "me", "empty": ""},
        Tagging="team=search&stage=dev",
        StorageClass="STANDARD_IA",
    )
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    got = s3.get_object(Bucket=bucket, Key="report.txt", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert got["ContentType"] == "text/plain; charset=utf-8"
    assert got["CacheControl"] == "max-age=60"
    assert got["ContentDisposition"] == 'attachment; filename="r.txt"'
    assert got["ContentEncoding"] == "identity"
    assert got["ContentLanguage"] == "de"
    assert got["Metadata"] == {"author": "me", "empty": ""}
    assert got["TagCount"] == 2
    assert got["StorageClass"] == "STANDARD_IA"
    assert got["ContentLength"] == 5
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    assert got["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    head = s3.head_object(Bucket=bucket, Key="report.txt")
    assert (head["ContentLength"], head["ETag"]) == (5, put["ETag"])
    assert datetime.now(UTC) - head["LastModified"] < timedelta(minutes=1)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys_stay_keys(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_key_of_more_than_1024_bytes_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key="ü" * 513, Body=b"")
    assert code_of(failure) == ("KeyTooLongError", 400)


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-4", 206, b"6789", "bytes 6-9/10"),
        ("bytes=0-999", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=-999", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        (f"bytes=0-{'9' * 23}", 206, b"0123456789", "bytes 0-9/10"),
        (f"bytes=-{'9' * 5000}", 206, b"0123456789", "bytes 0-9/10"),
        (f"bytes={'0' * 30}2-3", 206, b"23", "bytes 2-3/10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_ranges(
    s3: Any, bucket: str, header: str, status: int, body: bytes, content_range: str | None
) -> None:
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="digits", Range=header)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == status
    assert got["Body"].read() == body
    assert got.get("ContentRange") == content_range
    head = s3.head_object(Bucket=bucket, Key="digits", Range=header)
    assert head["ContentLength"] == len(body)


def test_a_range_past_the_end_is_not_satisfiable(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    endless = "9" * 5000
    for header in ("bytes=10-", "bytes=-0", f"bytes={'9' * 23}-", f"bytes={endless}-{endless}"):
        with pytest.raises(ClientError) as failure:
            s3.get_object(Bucket=bucket, Key="digits", Range=header)
        assert code_of(failure) == ("InvalidRange", 416)


def test_conditional_reads(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    for good in (
        {"IfMatch": etag},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": past},
        {"IfUnmodifiedSince": future},
        {"IfMatch": etag, "IfUnmodifiedSince": past},
    ):
        assert s3.get_object(Bucket=bucket, Key="k", **good)["Body"].read() == b"1"
    for unchanged in ({"IfNoneMatch": etag}, {"IfModifiedSince": future}):
        with pytest.raises(ClientError) as failure:
            s3.get_object(Bucket=bucket, Key="k", **unchanged)
        assert code_of(failure) == ("304", 304)
    for failed in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": past}):
        with pytest.raises(ClientError) as failure:
            s3.get_object(Bucket=bucket, Key="k", **failed)
        assert code_of(failure) == ("PreconditionFailed", 412)


def test_conditional_writes(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(failure) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    assert code_of(failure) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key="absent", Body=b"2", IfMatch=etag)
    assert code_of(failure) == ("NoSuchKey", 404)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_what_is_absent_is_named(s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="absent")
    with pytest.raises(ClientError) as failure:
        s3.head_object(Bucket=bucket, Key="absent")
    assert code_of(failure) == ("404", 404)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="no-such-bucket", Key="k", Body=b"")


def test_another_tenants_bucket_is_like_an_absent_one(s3_server: S3Server, bucket: str) -> None:
    bob = s3_server.client(BOB)
    calls = (
        lambda name: bob.list_objects_v2(Bucket=name),
        lambda name: bob.get_object(Bucket=name, Key="k"),
        lambda name: bob.put_object(Bucket=name, Key="k", Body=b""),
        lambda name: bob.delete_object(Bucket=name, Key="k"),
        lambda name: bob.delete_bucket(Bucket=name),
        lambda name: bob.create_multipart_upload(Bucket=name, Key="k"),
        lambda name: bob.copy_object(Bucket="bobs", Key="k", CopySource=f"{name}/k"),
    )
    bob.create_bucket(Bucket="bobs")
    for call in calls:
        answers = []
        for name in (bucket, "bucket-that-nobody-has"):
            with pytest.raises(ClientError) as failure:
                call(name)
            error = failure.value.response["Error"]
            answers.append((error["Code"], error["Message"].replace(name, "")))
        assert answers[0] == answers[1]
    assert bucket not in [found["Name"] for found in bob.list_buckets()["Buckets"]]
    bob.create_bucket(Bucket=bucket)  # a name of its own, in its own namespace
    bob.delete_bucket(Bucket=bucket)


def test_a_key_with_a_scope_reads_only_there(s3_server: S3Server, s3: Any) -> None:
    s3.create_bucket(Bucket="scoped")
    for key in ("mine/k", "theirs/k"):
        s3.put_object(Bucket="scoped", Key=key, Body=key.encode())
    limited = s3_server.client(LIMITED)
    assert limited.get_object(Bucket="scoped", Key="mine/k")["Body"].read() == b"mine/k"
    for call in (
        lambda: limited.get_object(Bucket="scoped", Key="theirs/k"),
        lambda: limited.copy_object(Bucket="scoped", Key="mine/c", CopySource="scoped/theirs/k"),
        lambda: limited.list_objects_v2(Bucket="scoped"),
    ):
        with pytest.raises(ClientError) as failure:
            call()
        assert code_of(failure) == ("AccessDenied", 403)


def test_copies(s3: Any, bucket: str) -> None:
    etag = s3.put_object(
        Bucket=bucket,
        Key="a b",
        Body=b"x",
        ContentType="text/x",
        Metadata={"m": "1"},
        Tagging="t=1",
    )["ETag"]
    source = {"Bucket": bucket, "Key": "a b"}
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == etag
    s3.delete_object(Bucket=bucket, Key="a b")
    got = s3.get_object(Bucket=bucket, Key="c")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"x", "text/x", {"m": "1"})
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    itself = {"Bucket": bucket, "Key": "c"}
    with pytest.raises(ClientError) as failure:
        s3.copy_object(Bucket=bucket, Key="c", CopySource=itself)
    assert code_of(failure) == ("InvalidRequest", 400)
    s3.copy_object(
        Bucket=bucket,
        Key="c",
        CopySource=itself,
        MetadataDirective="REPLACE",
        Metadata={"m": "2"},
        ContentType="text/y",
    )
    got = s3.get_object(Bucket=bucket, Key="c")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"x", "text/y", {"m": "2"})
    with pytest.raises(ClientError) as failure:
        s3.copy_object(Bucket=bucket, Key="d", CopySource=itself, CopySourceIfNoneMatch=etag)
    assert code_of(failure) == ("PreconditionFailed", 412)


def test_deleting_many_says_of_each_how_it_went(s3: Any, bucket: str) -> None:
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"")
    wanted = [{"Key": "k0"}, {"Key": "k1"}, {"Key": "absent"}, {"Key": "k2", "ETag": '"other"'}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert {item["Key"] for item in answer["Deleted"]} == {"k0", "k1", "absent"}
    assert [(item["Key"], item["Code"]) for item in answer["Errors"]] == [
        ("k2", "PreconditionFailed")
    ]
    quiet = {"Objects": [{"Key": "k2"}], "Quiet": True}
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete=quiet)
    left = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert left == ["k3", "k4"]
    many = [{"Key": str(number)} for number in range(1001)]
    with pytest.raises(ClientError) as failure:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": many})
    assert code_of(failure) == ("MalformedXML", 400)


def test_tags(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    tags = [{"Key": f"key {number}", "Value": "ü"} for number in range(10)]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    for wrong in (
        [*tags, {"Key": "eleven", "Value": ""}],
        [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
        [{"Key": "aws:mine", "Value": ""}],
        [{"Key": "a", "Value": "v" * 257}],
    ):
        with pytest.raises(ClientError) as failure:
            s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": wrong})
        assert code_of(failure)[1] == 400
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_what_is_not_served_is_refused_by_name(s3: Any, bucket: str) -> None:
    for refused, code in (
        ({"ServerSideEncryption": "aws:kms"}, "NotImplemented"),
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"StorageClass": "GLACIER"}, "InvalidStorageClass"),
        ({"ExpectedBucketOwner": "999999999999"}, "AccessDenied"),
    ):
        with pytest.raises(ClientError) as failure:
            s3.put_object(Bucket=bucket, Key="k", Body=b"", **refused)
        assert code_of(failure)[0] == code
