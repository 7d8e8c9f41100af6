"""S3's listings: objects in both versions of the call, versions, and uploads under way."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from gateway.aws.operations.s3_call import moment, owner, quoted, s3_operation, store, url_encoder
from gateway.aws.registry import Call, Parameters
from kit.objects.errors import InvalidArgument
from kit.objects.listing import MAX_PAGE, Page, Query
from kit.objects.records import ObjectInfo

_Encode = Callable[[str], str]


@s3_operation("ListObjects")
async def list_objects(call: Call, parameters: Parameters) -> Parameters:
    marker = parameters.get("Marker", "")
    query = _query(parameters, "MaxKeys", marker=marker)
    page = await _current(call, parameters, query)
    encode = url_encoder(parameters)
    members = _common(parameters, page, encode) | {
        "Name": parameters["Bucket"],
        "Marker": encode(marker),
        "Contents": [_content(call, info, encode, tell_owner=True) for info in page.items],
    }
    if page.truncated and query.delimiter:
        members["NextMarker"] = encode(page.last)
    return members


@s3_operation("ListObjectsV2")
async def list_objects_v2(call: Call, parameters: Parameters) -> Parameters:
    token = parameters.get("ContinuationToken")
    after = parameters.get("StartAfter", "") if token is None else _read_token(token)
    page = await _current(call, parameters, _query(parameters, "MaxKeys", marker=after))
    encode = url_encoder(parameters)
    tell_owner = parameters.get("FetchOwner", False)
    members = _common(parameters, page, encode) | {
        "Name": parameters["Bucket"],
        "KeyCount": len(page.items) + len(page.prefixes),
        "Contents": [_content(call, info, encode, tell_owner=tell_owner) for info in page.items],
    }
    if token is not None:
        members["ContinuationToken"] = token
    if "StartAfter" in parameters:
        members["StartAfter"] = encode(parameters["StartAfter"])
    if page.truncated:
        members["NextContinuationToken"] = _token(page.last)
    return members


@s3_operation("ListObjectVersions")
async def list_object_versions(call: Call, parameters: Parameters) -> Parameters:
    marker, within = parameters.get("KeyMarker", ""), parameters.get("VersionIdMarker", "")
    if within and not marker:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            param="VersionIdMarker",
        )
    query = _query(parameters, "MaxKeys", marker=marker, within=within)
    page = await store(call).listing.versions(call.principal.tenant, parameters["Bucket"], query)
    encode = url_encoder(parameters)
    told = [(info.marker, _version(call, info, encode)) for info in page.items]
    members = _common(parameters, page, encode) | {
        "Name": parameters["Bucket"],
        "KeyMarker": encode(marker),
        "VersionIdMarker": within,
        "Versions": [version for is_marker, version in told if not is_marker],
        "DeleteMarkers": [version for is_marker, version in told if is_marker],
    }
    if page.truncated:
        members["NextKeyMarker"] = encode(page.last)
        if page.items and page.items[-1].key == page.last:
            members["NextVersionIdMarker"] = page.items[-1].version
    return members


@s3_operation("ListMultipartUploads")
async def list_multipart_uploads(call: Call, parameters: Parameters) -> Parameters:
    marker = parameters.get("KeyMarker", "")
    within = parameters.get("UploadIdMarker", "") if marker else ""
    query = _query(parameters, "MaxUploads", marker=marker, within=within)
    page = await store(call).listing.uploads(call.principal.tenant, parameters["Bucket"], query)
    encode = url_encoder(parameters)
    members = _common(parameters, page, encode)
    members["MaxUploads"] = members.pop("MaxKeys")
    members |= {
        "Bucket": parameters["Bucket"],
        "KeyMarker": encode(marker),
        "UploadIdMarker": within,
        "Uploads": [
            {
                "UploadId": upload.id,
                "Key": encode(upload.key),
                "Initiated": moment(upload.started),
                "StorageClass": "STANDARD",
                "Owner": owner(call),
                "Initiator": owner(call),
                "ChecksumAlgorithm": upload.algorithm,
                "ChecksumType": upload.kind,
            }
            for upload in page.items
        ],
    }
    if page.truncated:
        members["NextKeyMarker"] = encode(page.last)
        if page.items and page.items[-1].key == page.last:
            members["NextUploadIdMarker"] = page.items[-1].id
    return members


async def _current(call: Call, parameters: Parameters, query: Query) -> Page[ObjectInfo]:
    return await store(call).listing.current(call.principal.tenant, parameters["Bucket"], query)


def _query(parameters: Parameters, size: str, *, marker: str, within: str = "") -> Query:
    limit = parameters.get(size, MAX_PAGE)
    if limit < 0:
        raise InvalidArgument(f"{size} must be 0 or more.", param=size)
    return Query(
        prefix=parameters.get("Prefix", ""),
        delimiter=parameters.get("Delimiter", ""),
        marker=marker,
        within=within,
        limit=min(limit, MAX_PAGE),
    )


def _common(parameters: Parameters, page: Page[Any], encode: _Encode) -> Parameters:
    size = parameters.get("MaxKeys", parameters.get("MaxUploads", MAX_PAGE))
    members: Parameters = {
        "IsTruncated": page.truncated,
        "MaxKeys": size,
        "Prefix": encode(parameters.get("Prefix", "")),
        "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
    }
    if parameters.get("Delimiter"):
        members["Delimiter"] = encode(parameters["Delimiter"])
    if "EncodingType" in parameters:
        members["EncodingType"] = parameters["EncodingType"]
    return members


def _content(call: Call, info: ObjectInfo, encode: _Encode, *, tell_owner: bool) -> Parameters:
    members: Parameters = {
        "Key": encode(info.key),
        "LastModified": moment(info.modified),
        "ETag": quoted(info.etag),
        "Size": info.size,
        "StorageClass": info.attributes.headers.get("x-amz-storage-class", "STANDARD"),
    }
    if info.checksum is not None:
        members["ChecksumAlgorithm"] = [info.checksum.algorithm]
        members["ChecksumType"] = info.checksum.kind
    if tell_owner:
        members["Owner"] = owner(call)
    return members


def _version(call: Call, info: ObjectInfo, encode: _Encode) -> Parameters:
    if info.marker:
        members: Parameters = {
            "Key": encode(info.key),
            "LastModified": moment(info.modified),
            "Owner": owner(call),
        }
    else:
        members = _content(call, info, encode, tell_owner=True)
    return members | {"VersionId": info.version, "IsLatest": info.latest}


def _token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument(
            "The continuation token provided is incorrect", param="ContinuationToken"
        ) from error
