"""S3's objects: put, get, head, copy, delete."""

from typing import Any

from gateway.aws.operations.s3_call import (
    attributes_of,
    checksum_members,
    conditions_of,
    copy_source,
    expected_of,
    moment,
    quoted,
    s3_operation,
    store,
    version_members,
)
from gateway.aws.registry import Call, Parameters, Reply
from kit.errors import PlatformError
from kit.objects.clearing import Target
from kit.objects.conditions import Conditions
from kit.objects.copying import CopyOptions, Place
from kit.objects.errors import InvalidArgument, KeyTooLong, MalformedXml, NotModified
from kit.objects.names import MOST_KEY_BYTES
from kit.objects.records import Deleted, ObjectInfo, Span

_NOT_HERE = "server-side encryption, object lock, ACLs, archive storage classes"
_MOST_DELETED = 1000
_LONGEST_VERSION = 1024
_TOLD_HEADERS = {
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "expires": "Expires",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
_OVERRIDES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)


@s3_operation("PutObject", missing=_NOT_HERE)
async def put_object(call: Call, parameters: Parameters) -> Parameters:
    info = await store(call).put(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        parameters["Body"],
        attributes=attributes_of(call.request, parameters),
        expected=expected_of(call, parameters),
        conditions=conditions_of(parameters),
    )
    return {
        "ETag": quoted(info.etag),
        **checksum_members(info.checksum),
        **version_members(info),
    }


@s3_operation("GetObject", missing=_NOT_HERE)
async def get_object(call: Call, parameters: Parameters) -> Reply:
    try:
        reading = await store(call).open(*_which(call, parameters), **_selection(parameters))
    except NotModified as unchanged:
        return _not_modified(unchanged)
    reply = _described(parameters, reading.info, reading.span)
    reply.members["Body"] = reading.chunks
    return reply


@s3_operation("HeadObject", missing=_NOT_HERE)
async def head_object(call: Call, parameters: Parameters) -> Reply:
    try:
        info, span = await store(call).head(*_which(call, parameters), **_selection(parameters))
    except NotModified as unchanged:
        return _not_modified(unchanged)
    return _described(parameters, info, span)


@s3_operation("CopyObject", missing=_NOT_HERE)
async def copy_object(call: Call, parameters: Parameters) -> Parameters:
    replaces = _directive(parameters, "MetadataDirective")
    retags = _directive(parameters, "TaggingDirective")
    stated = attributes_of(call.request, parameters)
    source = copy_source(call, parameters)
    info, found = await store(call).copies.copy(
        call.principal.tenant,
        source,
        Place(parameters["Bucket"], parameters["Key"]),
        CopyOptions(
            attributes=stated if replaces else None,
            tags=stated.tags if retags else None,
            algorithm=parameters.get("ChecksumAlgorithm", ""),
            source_conditions=conditions_of(parameters, "CopySource"),
            conditions=conditions_of(parameters),
        ),
    )
    members: Parameters = {
        "CopyObjectResult": {
            "ETag": quoted(info.etag),
            "LastModified": moment(info.modified),
            **checksum_members(info.checksum),
        },
        **version_members(info),
    }
    if source.version or version_members(found):
        members["CopySourceVersionId"] = found.version
    return members


@s3_operation("DeleteObject", missing="MFA delete")
async def delete_object(call: Call, parameters: Parameters) -> Reply:
    deleted = await store(call).delete(
        *_which(call, parameters),
        version=parameters.get("VersionId", ""),
        conditions=Conditions(if_match=parameters.get("IfMatch", "")),
    )
    members: Parameters = {"VersionId": deleted.version} if deleted.version else {}
    if deleted.marker:
        members["DeleteMarker"] = True
    return Reply(members, status=204)


@s3_operation("DeleteObjects", missing="MFA delete")
async def delete_objects(call: Call, parameters: Parameters) -> Parameters:
    wanted = parameters["Delete"]["Objects"]
    if not 1 <= len(wanted) <= _MOST_DELETED:
        raise MalformedXml("One request deletes 1 to 1000 objects.", param="Objects")
    for item in wanted:
        _check_length(item["Key"], item.get("VersionId", ""))
    targets = [
        Target(item["Key"], item.get("VersionId", ""), Conditions(if_match=item.get("ETag", "")))
        for item in wanted
    ]
    outcomes = await store(call).delete_many(call.principal.tenant, parameters["Bucket"], targets)
    deleted, failed = [], []
    for target, outcome in zip(targets, outcomes, strict=True):
        if isinstance(outcome, PlatformError):
            failed.append(_failure(target, outcome))
        else:
            deleted.append(_deletion(target, outcome))
    quiet = parameters["Delete"].get("Quiet", False)
    return {"Errors": failed} if quiet else {"Deleted": deleted, "Errors": failed}


def _check_length(key: str, version: str) -> None:
    """Refuses the whole request: an answer for each key would send the endless ones back."""
    if len(key.encode()) > MOST_KEY_BYTES:
        raise KeyTooLong("A key has more than 1024 bytes.", param="Key")
    if len(version) > _LONGEST_VERSION:
        raise InvalidArgument("Invalid version id specified", param="VersionId")


def _which(call: Call, parameters: Parameters) -> tuple[str, str, str]:
    return call.principal.tenant, parameters["Bucket"], parameters["Key"]


def _selection(parameters: Parameters) -> dict[str, Any]:
    part, range_header = parameters.get("PartNumber"), parameters.get("Range", "")
    if part is not None and range_header:
        raise InvalidArgument("Cannot specify both Range header and partNumber query parameter.")
    return {
        "version": parameters.get("VersionId", ""),
        "conditions": conditions_of(parameters),
        "range_header": range_header,
        "part": part,
    }


def _described(parameters: Parameters, info: ObjectInfo, span: Span) -> Reply:
    """Everything that GetObject and HeadObject say of an object, in members."""
    members: Parameters = {
        "AcceptRanges": "bytes",
        "ContentLength": span.length,
        "ETag": quoted(info.etag),
        "LastModified": moment(info.modified),
        "Metadata": dict(info.attributes.metadata),
        **version_members(info),
    }
    if parameters.get("VersionId"):
        members["VersionId"] = info.version
    if info.attributes.tags:
        members["TagCount"] = len(info.attributes.tags)
    if info.parts and parameters.get("PartNumber"):
        members["PartsCount"] = info.parts
    if span.partial:
        end = span.start + span.length - 1
        members["ContentRange"] = f"bytes {span.start}-{end}/{span.size}"
    elif parameters.get("ChecksumMode") == "ENABLED":
        members |= checksum_members(info.checksum)
    return Reply(members | _headers(parameters, info), status=206 if span.partial else 200)


def _headers(parameters: Parameters, info: ObjectInfo) -> Parameters:
    """The headers that the object was stored with, under those that the request asks for."""
    members: Parameters = {"ContentType": "binary/octet-stream"}
    for header, text in info.attributes.headers.items():
        members[_TOLD_HEADERS[header]] = text
    for name in _OVERRIDES:
        members[name] = parameters.get(f"Response{name}", members.get(name))
    if members.get("StorageClass") == "STANDARD":
        del members["StorageClass"]  # S3 names only the others
    return members


def _not_modified(unchanged: NotModified) -> Reply:
    members = {"ETag": quoted(unchanged.etag), "LastModified": moment(unchanged.modified)}
    return Reply(members, status=304)


def _directive(parameters: Parameters, member: str) -> bool:
    return bool(parameters.get(member, "COPY") == "REPLACE")


def _deletion(target: Target, outcome: Deleted) -> Parameters:
    members: Parameters = {"Key": target.key}
    if target.version:
        members["VersionId"] = target.version
    if outcome.marker:
        members |= {"DeleteMarker": True, "DeleteMarkerVersionId": outcome.version}
    return members


def _failure(target: Target, error: PlatformError) -> Parameters:
    code = getattr(error, "aws_code", "InternalError")
    members: Parameters = {"Key": target.key, "Code": code, "Message": error.message}
    return members | ({"VersionId": target.version} if target.version else {})
