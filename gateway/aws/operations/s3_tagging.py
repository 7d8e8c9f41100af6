"""S3's tags on objects, and what GetObjectAttributes tells of an object."""

from gateway.aws.operations.s3_call import (
    checksum_members,
    moment,
    s3_operation,
    store,
    unique_tags,
    version_members,
)
from gateway.aws.registry import Call, Parameters, Reply
from kit.objects.checksums import COMPOSITE
from kit.objects.records import ObjectInfo, Part

_MOST_PARTS = 1000


@s3_operation("PutObjectTagging")
async def put_object_tagging(call: Call, parameters: Parameters) -> Parameters:
    tags = unique_tags((tag["Key"], tag["Value"]) for tag in parameters["Tagging"]["TagSet"])
    return version_members(await _set_tags(call, parameters, tags))


@s3_operation("DeleteObjectTagging")
async def delete_object_tagging(call: Call, parameters: Parameters) -> Reply:
    return Reply(version_members(await _set_tags(call, parameters, {})), status=204)


@s3_operation("GetObjectTagging")
async def get_object_tagging(call: Call, parameters: Parameters) -> Parameters:
    info, _ = await store(call).head(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        version=parameters.get("VersionId", ""),
    )
    tags = [{"Key": key, "Value": value} for key, value in info.attributes.tags.items()]
    return {"TagSet": tags, **version_members(info)}


@s3_operation("GetObjectAttributes", missing="server-side encryption")
async def get_object_attributes(call: Call, parameters: Parameters) -> Parameters:
    info, parts = await store(call).parts(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        version=parameters.get("VersionId", ""),
    )
    wanted = parameters["ObjectAttributes"]
    told: Parameters = {
        "ETag": info.etag,
        "Checksum": checksum_members(info.checksum),
        "StorageClass": info.attributes.headers.get("x-amz-storage-class", "STANDARD"),
        "ObjectSize": info.size,
    }
    if info.parts:
        told["ObjectParts"] = _parts(parameters, info, parts)
    members = {name: told[name] for name in wanted if name in told}
    return members | {"LastModified": moment(info.modified), **version_members(info)}


def _parts(parameters: Parameters, info: ObjectInfo, parts: list[Part]) -> Parameters:
    marker = parameters.get("PartNumberMarker", 0)
    limit = min(parameters.get("MaxParts", _MOST_PARTS), _MOST_PARTS)
    later = [part for part in parts if part.number > marker]
    shown = later[:limit]
    members: Parameters = {
        "TotalPartsCount": info.parts,
        "PartNumberMarker": marker,
        "MaxParts": limit,
        "IsTruncated": len(later) > limit,
    }
    if shown:
        members["NextPartNumberMarker"] = shown[-1].number
    if info.checksum is not None and info.checksum.kind == COMPOSITE:
        name = f"Checksum{info.checksum.algorithm}"
        members["Parts"] = [
            {"PartNumber": part.number, "Size": part.size, name: part.checksum} for part in shown
        ]
    return members


async def _set_tags(call: Call, parameters: Parameters, tags: dict[str, str]) -> ObjectInfo:
    return await store(call).set_tags(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        tags,
        version=parameters.get("VersionId", ""),
    )
