"""Bodies on the wire: checksums in headers and trailers, presigned URLs, forms, the AWS CLI."""

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.wire.s3_support import ALICE, SECRET, S3Server, running

pytest_plugins = ("tests.wire.s3_fixtures",)

ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "XXHASH3"]


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running(tmp_path_factory.mktemp("tls"), tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager() as manager:
        yield manager


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums_are_verified_kept_and_told(s3: Any, bucket: str, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"data", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[member]) == (b"data", put[member])
    assert member not in s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-1")
    wrong = base64.b64encode(bytes(len(base64.b64decode(put[member])))).decode()
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key="bad", Body=b"data", **{member: wrong})
    assert failure.value.response["Error"]["Code"] == "BadDigest"
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="bad")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256"])
def test_trailers_over_tls_are_verified(tls_server: S3Server, algorithm: str) -> None:
    s3 = tls_server.client()
    s3.create_bucket(Bucket="tls-bucket")
    body = os.urandom(3_000_000)
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket="tls-bucket", Key="k", Body=body, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket="tls-bucket", Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[member]) == (body, put[member])
    assert "ContentEncoding" not in got
    assert got["ContentLength"] == len(body)


def test_content_md5_is_verified(s3: Any, bucket: str) -> None:
    right = base64.b64encode(hashlib.md5(b"data").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"data", ContentMD5=right)
    for md5, code in ((right, "BadDigest"), ("bm90IGFuIG1kNQ==", "InvalidDigest")):
        with pytest.raises(ClientError) as failure:
            s3.put_object(Bucket=bucket, Key="k", Body=b"other", ContentMD5=md5)
        assert failure.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("signature", [None, "s3", "s3v4"])
def test_presigned_urls_put_and_get(
    s3_server: S3Server, http: urllib3.PoolManager, bucket: str, signature: str | None
) -> None:
    config = {"signature_version": signature} if signature else {}
    s3 = s3_server.client(**config)
    named = {"Bucket": bucket, "Key": "dir/ä +&.txt"}
    url = s3.generate_presigned_url("put_object", Params=named, ExpiresIn=60)
    assert http.request("PUT", url, body=b"by url").status == 200
    url = s3.generate_presigned_url(
        "get_object",
        Params=named
        | {
            "ResponseContentType": "text/markdown",
            "ResponseContentDisposition": "attachment",
        },
        ExpiresIn=60,
    )
    got = http.request("GET", url)
    assert (got.status, got.data) == (200, b"by url")
    assert got.headers["content-type"] == "text/markdown"
    assert got.headers["content-disposition"] == "attachment"
    assert http.request("GET", url.replace("by", "bx").replace("dir", "dix")).status == 403


def post(http: urllib3.PoolManager, form: dict[str, Any], body: bytes) -> Any:
    fields = {**form["fields"], "file": ("photo.png", body, "image/png")}
    return http.request("POST", form["url"], fields=fields, redirect=False)


def test_a_browser_form_uploads_under_its_policy(
    s3: Any, http: urllib3.PoolManager, bucket: str
) -> None:
    form = s3.generate_presigned_post(
        bucket,
        "in/${filename}",
        Fields={
            "Content-Type": "image/png",
            "x-amz-meta-by": "form",
            "success_action_status": "201",
        },
        Conditions=[
            {"Content-Type": "image/png"},
            {"x-amz-meta-by": "form"},
            {"success_action_status": "201"},
            ["content-length-range", 1, 100],
        ],
    )
    answer = post(http, form, b"pixels")
    assert answer.status == 201, answer.data
    assert b"<Key>in/photo.png</Key>" in answer.data
    got = s3.get_object(Bucket=bucket, Key="in/photo.png")
    assert (got["Body"].read(), got["ContentType"]) == (b"pixels", "image/png")
    assert got["Metadata"] == {"by": "form"}
    too_large = post(http, form, b"p" * 101)
    assert (too_large.status, b"EntityTooLarge" in too_large.data) == (400, True)
    form["fields"]["x-amz-meta-by"] = "another"
    assert post(http, form, b"pixels").status == 403


def test_a_form_can_redirect(s3: Any, http: urllib3.PoolManager, bucket: str) -> None:
    target = "http://127.0.0.1/done?a=1"
    form = s3.generate_presigned_post(
        bucket,
        "k",
        Fields={"success_action_redirect": target},
        Conditions=[{"success_action_redirect": target}],
    )
    answer = post(http, form, b"x")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"{target}&bucket={bucket}&key=k&etag=")


def test_the_aws_cli_copies_syncs_and_lists(
    s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    (source / "small.txt").write_text("small")
    (source / "sub" / "ü big.bin").write_bytes(os.urandom(9 << 20))  # over the 8 MiB of one part
    cli(s3_server, "sync", str(source), f"s3://{bucket}/in")
    assert "sub/" in cli(s3_server, "ls", f"s3://{bucket}/in/")
    cli(s3_server, "cp", f"s3://{bucket}/in/small.txt", f"s3://{bucket}/copy.txt")
    cli(s3_server, "sync", f"s3://{bucket}", str(target))
    assert (target / "copy.txt").read_text() == "small"
    big = Path("sub") / "ü big.bin"
    assert (target / "in" / big).read_bytes() == (source / big).read_bytes()
    cli(s3_server, "rm", f"s3://{bucket}", "--recursive")
    assert cli(s3_server, "ls", f"s3://{bucket}", "--recursive") == ""


def cli(server: S3Server, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(server.folder),
        "PYTHONUTF8": "1",
        "AWS_ACCESS_KEY_ID": ALICE,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "aws"), "s3", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
