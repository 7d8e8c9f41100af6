"""Requests that no SDK would make, rightly signed: refused as the client's, never echoed whole."""

from typing import Any

import pytest
import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.wire.s3_support import ALICE, SECRET, S3Server

pytest_plugins = ("tests.wire.s3_fixtures",)


def _send(method: str, url: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Signed as it stands, with nothing decoded or put right."""
    request = AWSRequest(method, url, headers=headers, data=body)
    S3SigV4Auth(Credentials(ALICE, SECRET), "s3", "us-east-1").add_auth(request)
    with urllib3.PoolManager() as http:
        sent = dict(request.headers.items())
        pool = http.connection_from_url(url)
        answer = pool.urlopen(method, url[url.index("/", 8) :], body=body, headers=sent)
        return answer.status, answer.data


@pytest.mark.parametrize("raw", ["col-%FF", "col-%FE", "col-%ED%A0%80"])
def test_a_key_that_is_not_utf_8_is_refused(
    s3_server: S3Server, s3: Any, bucket: str, raw: str
) -> None:
    status, body = _send("PUT", f"{s3_server.url}/{bucket}/{raw}", b"x")
    assert status == 400
    assert b"<Code>InvalidURI</Code>" in body
    status, body = _send("GET", f"{s3_server.url}/{bucket}?prefix={raw}")
    assert status == 400
    assert b"<Code>InvalidURI</Code>" in body
    headers = {"x-amz-copy-source": f"/{bucket}/{raw}"}
    status, body = _send("PUT", f"{s3_server.url}/{bucket}/copy", **headers)
    assert status == 400
    status, body = _send("PUT", f"{s3_server.url}/{bucket}/k", b"", **{"x-amz-tagging": f"a={raw}"})
    assert status == 400
    assert b"<Code>InvalidTag</Code>" in body
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("encoding", ["utf-7", "utf-32", "shift_jis", "nonsense", "rot13", "hex"])
def test_xml_in_an_encoding_that_is_not_read_is_malformed(
    s3_server: S3Server, bucket: str, encoding: str
) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?><Delete><Object><Key>a</Key></Object>'
    body = document.encode() + b"</Delete>"
    status, answer = _send("POST", f"{s3_server.url}/{bucket}?delete", body)
    assert status == 400
    assert b"<Code>MalformedXML</Code>" in answer


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"Key": "k" * 20_000_000}, "KeyTooLongError"),
        ({"Key": "k", "VersionId": "v" * 20_000_000}, "InvalidArgument"),
    ],
)
def test_an_endless_name_is_refused_without_an_echo(
    s3: Any, bucket: str, item: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as failure:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, item]})
    assert failure.value.response["Error"]["Code"] == code
    assert len(str(failure.value.response)) < 2000


def test_an_endless_tag_is_refused_without_an_echo(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError) as failure:
        s3.put_object_tagging(
            Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "t" * 100_000, "Value": ""}]}
        )
    assert len(str(failure.value.response)) < 2000
