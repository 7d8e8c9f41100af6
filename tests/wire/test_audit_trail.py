"""What a tenant reads of its own audit log: who did what to which resource."""

import json
import time
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Credentials, Platform


def trail(platform: Platform, who: Credentials, operation: str) -> list[dict[str, Any]]:
    """Entries are noted within moments of the answer."""
    time.sleep(0.5)
    request = urllib.request.Request(
        f"{platform.url}/api/v1/audit?operation={operation}", headers=platform.rest(who)
    )
    items: list[dict[str, Any]] = json.load(urllib.request.urlopen(request))["items"]
    return items


def test_the_audit_trail_names_what_each_request_touched(platform: Platform) -> None:
    who = platform.keys("audited")
    s3 = platform.boto3("s3", who)
    s3.create_bucket(Bucket="audited-bucket")
    s3.put_object(Bucket="audited-bucket", Key="a/b.txt", Body=b"x")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="audited-bucket", Key="absent")
    found = [(e["operation"], e["resource"], e["outcome"]) for e in trail(platform, who, "s3:")]
    assert found == [
        ("s3:CreateBucket", "arn:aws:s3:::audited-bucket", "ok"),
        ("s3:PutObject", "arn:aws:s3:::audited-bucket/a/b.txt", "ok"),
        ("s3:GetObject", "arn:aws:s3:::audited-bucket/absent", "NoSuchKey"),
    ]


def test_a_tenant_reads_its_own_trail_only(platform: Platform) -> None:
    platform.boto3("sts").get_caller_identity()
    other = platform.keys("unaudited")
    assert trail(platform, other, "GetCallerIdentity") == []
    assert trail(platform, platform.owner, "GetCallerIdentity") != []
