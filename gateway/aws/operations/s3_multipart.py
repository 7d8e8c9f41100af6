"""S3's multi-part uploads."""

import re

from gateway.aws.operations.s3_call import (
    attributes_of,
    checksum_members,
    conditions_of,
    copy_source,
    expected_of,
    moment,
    owner,
    quoted,
    s3_operation,
    store,
    version_members,
)
from gateway.aws.registry import Call, Parameters, Reply
from kit.objects.assembling import Claim, Promise
from kit.objects.checksums import ALGORITHMS
from kit.objects.errors import ConditionFailed, InvalidArgument, MalformedXml, NotModified
from kit.objects.records import Expected

_RANGE = re.compile(r"bytes=\d{1,19}-\d{1,19}")
_MOST_LISTED = 1000
_NOT_HERE = "server-side encryption, object lock, ACLs"


@s3_operation("CreateMultipartUpload", missing=_NOT_HERE)
async def create_multipart_upload(call: Call, parameters: Parameters) -> Parameters:
    upload = await store(call).uploads.create(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        attributes_of(call.request, parameters),
        algorithm=parameters.get("ChecksumAlgorithm", ""),
        kind=parameters.get("ChecksumType", ""),
    )
    return {
        "Bucket": parameters["Bucket"],
        "Key": upload.key,
        "UploadId": upload.id,
        "ChecksumAlgorithm": upload.algorithm,
        "ChecksumType": upload.kind,
    }


@s3_operation("UploadPart", missing="server-side encryption")
async def upload_part(call: Call, parameters: Parameters) -> Parameters:
    part, upload = await store(call).uploads.put_part(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        parameters["UploadId"],
        parameters["PartNumber"],
        parameters["Body"],
        expected_of(call, parameters),
    )
    return {"ETag": quoted(part.md5), f"Checksum{upload.algorithm}": part.checksum}


@s3_operation("UploadPartCopy", missing="server-side encryption")
async def upload_part_copy(call: Call, parameters: Parameters) -> Parameters:
    source, span = copy_source(call, parameters), parameters.get("CopySourceRange", "")
    if span and not _RANGE.fullmatch(span):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last.",
            param="CopySourceRange",
        )
    try:
        reading = await store(call).open(
            call.principal.tenant,
            source.bucket,
            source.key,
            version=source.version,
            conditions=conditions_of(parameters, "CopySource"),
            range_header=span,
        )
    except NotModified as unchanged:  # a copy's source conditions all answer 412
        raise ConditionFailed("x-amz-copy-source-if-none-match") from unchanged
    try:
        part, upload = await store(call).uploads.put_part(
            call.principal.tenant,
            parameters["Bucket"],
            parameters["Key"],
            parameters["UploadId"],
            parameters["PartNumber"],
            reading.chunks,
            Expected(length=reading.span.length),
        )
    finally:
        await reading.chunks.aclose()
    result = {
        "ETag": quoted(part.md5),
        "LastModified": moment(part.modified),
        f"Checksum{upload.algorithm}": part.checksum,
    }
    members: Parameters = {"CopyPartResult": result}
    if source.version:
        members["CopySourceVersionId"] = source.version
    return members


@s3_operation("CompleteMultipartUpload", missing="server-side encryption")
async def complete_multipart_upload(call: Call, parameters: Parameters) -> Parameters:
    bucket, key = parameters["Bucket"], parameters["Key"]
    listed = (parameters.get("MultipartUpload") or {}).get("Parts") or []
    info = await store(call).uploads.complete(
        call.principal.tenant,
        bucket,
        key,
        parameters["UploadId"],
        [_claim(part) for part in listed],
        promise=Promise(
            _checksum(parameters),
            parameters.get("ChecksumType", ""),
            parameters.get("MpuObjectSize"),
        ),
        conditions=conditions_of(parameters),
    )
    return {
        "Location": f"{call.request.scheme}://{call.request.header('host')}/{bucket}/{key}",
        "Bucket": bucket,
        "Key": key,
        "ETag": quoted(info.etag),
        **checksum_members(info.checksum),
        **version_members(info),
    }


@s3_operation("AbortMultipartUpload")
async def abort_multipart_upload(call: Call, parameters: Parameters) -> Reply:
    await store(call).uploads.abort(
        call.principal.tenant, parameters["Bucket"], parameters["Key"], parameters["UploadId"]
    )
    return Reply({}, status=204)


@s3_operation("ListParts", missing="server-side encryption")
async def list_parts(call: Call, parameters: Parameters) -> Parameters:
    upload, parts = await store(call).uploads.parts(
        call.principal.tenant, parameters["Bucket"], parameters["Key"], parameters["UploadId"]
    )
    marker = parameters.get("PartNumberMarker", 0)
    limit = min(parameters.get("MaxParts", _MOST_LISTED), _MOST_LISTED)
    later = [part for part in parts if part.number > marker]
    shown = later[:limit]
    return {
        "Bucket": parameters["Bucket"],
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1].number if shown else marker,
        "MaxParts": limit,
        "IsTruncated": len(later) > limit,
        "Owner": owner(call),
        "Initiator": owner(call),
        "StorageClass": upload.attributes.headers.get("x-amz-storage-class", "STANDARD"),
        "ChecksumAlgorithm": upload.algorithm,
        "ChecksumType": upload.kind,
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": moment(part.modified),
                "ETag": quoted(part.md5),
                "Size": part.size,
                f"Checksum{upload.algorithm}": part.checksum,
            }
            for part in shown
        ],
    }


def _claim(part: Parameters) -> Claim:
    if "PartNumber" not in part or "ETag" not in part:
        raise MalformedXml("Each part needs a PartNumber and an ETag.", param="MultipartUpload")
    return Claim(part["PartNumber"], part["ETag"], _checksum(part))


def _checksum(members: Parameters) -> str:
    found = (members.get(f"Checksum{name}") for name in ALGORITHMS)
    return next((value for value in found if value), "")
