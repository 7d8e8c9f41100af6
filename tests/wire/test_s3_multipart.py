"""Multi-part uploads: by hand, by boto3's transfer manager, with every kind of checksum."""

import hashlib
import io
import random
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from kit.objects.checksums import Digests

pytest_plugins = ("tests.wire.s3_fixtures",)

MIB = 1 << 20
FIVE = random.Random(5).randbytes(5 * MIB)
TAIL = b"the end"


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failure.value.response["Error"]["Code"])


def upload_parts(s3: Any, bucket: str, upload: str, *parts: bytes) -> list[dict[str, Any]]:
    done = []
    for number, data in enumerate(parts, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=data
        )
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    return done


def complete(s3: Any, bucket: str, upload: str, parts: list[dict[str, Any]], **more: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}, **more
    )


@pytest.fixture
def upload(s3: Any, bucket: str) -> str:
    return str(s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"])


def test_the_transfer_manager_uploads_and_downloads(s3: Any, bucket: str) -> None:
    data = FIVE * 4 + TAIL
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(
        io.BytesIO(data),
        bucket,
        "dir/big.bin",
        Config=config,
        ExtraArgs={"ContentType": "x/y", "Metadata": {"a": "b"}},
    )
    head = s3.head_object(Bucket=bucket, Key="dir/big.bin")
    assert head["ETag"].endswith('-5"')
    assert (head["ContentType"], head["Metadata"]) == ("x/y", {"a": "b"})
    target = io.BytesIO()
    s3.download_fileobj(bucket, "dir/big.bin", target, Config=config)
    assert target.getvalue() == data
    s3.copy({"Bucket": bucket, "Key": "dir/big.bin"}, bucket, "copy.bin", Config=config)
    assert s3.get_object(Bucket=bucket, Key="copy.bin")["Body"].read() == data


def test_nothing_is_visible_before_it_is_complete(s3: Any, bucket: str, upload: str) -> None:
    parts = upload_parts(s3, bucket, upload, FIVE, TAIL)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(item["Key"], item["UploadId"]) for item in listed] == [("k", upload)]
    shown = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=1)
    assert (shown["IsTruncated"], len(shown["Parts"])) == (True, 1)
    done = complete(s3, bucket, upload, parts)
    digests = hashlib.md5(FIVE).digest() + hashlib.md5(TAIL).digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    again = complete(s3, bucket, upload, parts)
    assert again["ETag"] == done["ETag"], "a repeated request answers the same"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == FIVE + TAIL
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


def test_parts_are_read_by_their_numbers_and_across_their_borders(
    s3: Any, bucket: str, upload: str
) -> None:
    complete(s3, bucket, upload, upload_parts(s3, bucket, upload, FIVE, TAIL))
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (TAIL, 2)
    with pytest.raises(ClientError) as failure:
        s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert code_of(failure) == "InvalidPartNumber"
    border = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 2}")
    assert border["Body"].read() == FIVE[-2:] + TAIL[:3]


def test_a_wrong_list_of_parts_is_refused_and_the_upload_goes_on(
    s3: Any, bucket: str, upload: str
) -> None:
    first, second, third = upload_parts(s3, bucket, upload, FIVE, TAIL, TAIL)
    for parts, code in (
        ([second, first], "InvalidPartOrder"),
        ([first, first], "InvalidPartOrder"),
        ([first, {"PartNumber": 9, "ETag": first["ETag"]}], "InvalidPart"),
        ([first, {"PartNumber": 2, "ETag": '"0"'}], "InvalidPart"),
        ([first, second, third], "EntityTooSmall"),
        ([], "MalformedXML"),
    ):
        with pytest.raises(ClientError) as failure:
            complete(s3, bucket, upload, parts)
        assert code_of(failure) == code
    complete(s3, bucket, upload, [first, third])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == FIVE + TAIL


def test_an_aborted_upload_is_gone(s3: Any, bucket: str, upload: str) -> None:
    parts = upload_parts(s3, bucket, upload, TAIL)
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    with pytest.raises(s3.exceptions.NoSuchUpload):
        complete(s3, bucket, upload, parts)
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("SHA1", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
    ],
)
def test_checksums_of_the_parts_make_that_of_the_whole(
    s3: Any, bucket: str, algorithm: str, kind: str
) -> None:
    made = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind
    )
    member = f"Checksum{algorithm}"
    parts = []
    for number, data in enumerate((FIVE, TAIL), 1):
        answer = s3.upload_part(
            Bucket=bucket,
            Key="k",
            UploadId=made["UploadId"],
            PartNumber=number,
            Body=data,
            ChecksumAlgorithm=algorithm,
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"], member: answer[member]})
    done = complete(s3, bucket, made["UploadId"], parts, ChecksumType=kind)
    assert done["ChecksumType"] == kind
    if kind == "FULL_OBJECT":
        digests = Digests([algorithm])
        digests.update(FIVE + TAIL)
        assert done[member] == digests.value(algorithm)
    else:
        assert done[member].endswith("-2")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (done[member], kind)
    told = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize", "ETag"]
    )
    assert told["ObjectParts"]["TotalPartsCount"] == 2
    assert (told["ObjectSize"], told["Checksum"][member]) == (len(FIVE + TAIL), done[member])


def test_parts_are_copied_from_ranges_of_other_objects(s3: Any, bucket: str, upload: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=FIVE + TAIL)
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, span in enumerate((f"bytes=0-{5 * MIB - 1}", f"bytes={5 * MIB}-{5 * MIB + 2}"), 1):
        answer = s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=number,
            CopySource=source,
            CopySourceRange=span,
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    complete(s3, bucket, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == FIVE + TAIL[:3]
    with pytest.raises(ClientError) as failure:
        s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=1,
            CopySource=source,
            CopySourceRange="bytes=1-",
        )
    assert code_of(failure) == "InvalidArgument"
