"""Buckets, their settings, and the answers that tools read though nobody set anything."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wire.s3_support import S3Server

pytest_plugins = ("tests.wire.s3_fixtures",)


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failure.value.response["Error"]["Code"])


def test_buckets_are_made_listed_and_deleted(s3: Any) -> None:
    for name in ("zoo-a", "zoo-b", "zoo-c"):
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(
        Prefix="zoo-", PaginationConfig={"PageSize": 2}
    )
    found = [bucket["Name"] for page in pages for bucket in page["Buckets"]]
    assert found == ["zoo-a", "zoo-b", "zoo-c"]
    s3.delete_bucket(Bucket="zoo-b")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.delete_bucket(Bucket="zoo-b")
    with pytest.raises(ClientError) as failure:
        s3.head_bucket(Bucket="zoo-b")
    assert code_of(failure) == "404"


def test_making_a_bucket_twice_is_as_on_aws(s3_server: S3Server, s3: Any) -> None:
    s3.create_bucket(Bucket="twice")
    s3.create_bucket(Bucket="twice")
    elsewhere = s3_server.client(region="eu-central-1")
    place = {"LocationConstraint": "eu-central-1"}
    elsewhere.create_bucket(Bucket="elsewhere", CreateBucketConfiguration=place)
    with pytest.raises(elsewhere.exceptions.BucketAlreadyOwnedByYou):
        elsewhere.create_bucket(Bucket="elsewhere", CreateBucketConfiguration=place)
    assert s3.get_bucket_location(Bucket="elsewhere")["LocationConstraint"] == "eu-central-1"
    assert s3.get_bucket_location(Bucket="twice")["LocationConstraint"] is None
    assert s3.head_bucket(Bucket="elsewhere")["BucketRegion"] == "eu-central-1"


@pytest.mark.parametrize("name", ["abc..def", "192.168.0.1", "xn--bucket", "abc-", "a_b_c"])
def test_a_bad_bucket_name_is_refused(s3: Any, name: str) -> None:
    with pytest.raises(ClientError) as failure:
        s3.create_bucket(Bucket=name)
    assert code_of(failure) == "InvalidBucketName"


def test_a_bucket_with_objects_is_not_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError) as failure:
        s3.delete_bucket(Bucket=bucket)
    assert code_of(failure) == "BucketNotEmpty"


def test_tags_and_notifications_are_kept(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as failure:
        s3.get_bucket_tagging(Bucket=bucket)
    assert code_of(failure) == "NoSuchTagSet"
    tags = [{"Key": "team", "Value": "search"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    configuration = {
        "QueueConfigurations": [
            {
                "Id": "one",
                "QueueArn": "arn:aws:sqs:us-east-1:111111111111:q",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
            }
        ]
    }
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    found.pop("ResponseMetadata")
    assert found == configuration


def test_settings_that_nobody_made_answer_what_is_true(s3: Any, bucket: str) -> None:
    for call, code in (
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
    ):
        with pytest.raises(ClientError) as failure:
            call(Bucket=bucket)
        assert code_of(failure) == code
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert acl["Grants"] == [
        {
            "Grantee": {"ID": acl["Owner"]["ID"], "Type": "CanonicalUser"},
            "Permission": "FULL_CONTROL",
        }
    ]
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    with pytest.raises(ClientError) as failure:
        s3.put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration=block | {"BlockPublicAcls": False}
        )
    assert code_of(failure) == "NotImplemented"
    with pytest.raises(ClientError) as failure:
        s3.put_bucket_policy(Bucket=bucket, Policy="{}")
    assert code_of(failure) == "NotImplemented"
    s3.get_bucket_logging(Bucket=bucket)
    s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.get_bucket_ownership_controls(Bucket=bucket)
