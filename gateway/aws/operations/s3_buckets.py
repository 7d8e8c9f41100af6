"""S3's buckets: make, list, delete, and the settings that the platform keeps."""

from gateway.aws.operations.s3_call import (
    DEFAULT_REGION,
    moment,
    owner,
    s3_operation,
    store,
    unique_tags,
)
from gateway.aws.registry import Call, Parameters, Reply
from kit.objects.errors import BucketAlreadyOwnedByYou, InvalidArgument, NoSuchTagSet


@s3_operation("CreateBucket", missing="object lock, ACLs, directory buckets")
async def create_bucket(call: Call, parameters: Parameters) -> Parameters:
    name = parameters["Bucket"]
    configuration = parameters.get("CreateBucketConfiguration") or {}
    region = configuration.get("LocationConstraint") or DEFAULT_REGION
    tags = unique_tags((tag["Key"], tag["Value"]) for tag in configuration.get("Tags", ()))
    buckets = store(call).buckets
    try:
        await buckets.create(call.principal.tenant, name, region)
    except BucketAlreadyOwnedByYou:
        # As on AWS: in us-east-1 alone, and nowhere else, asking again succeeds.
        owned = await buckets.get(call.principal.tenant, name)
        if {region, owned.region} != {DEFAULT_REGION}:
            raise
    if tags:
        await buckets.set_tags(call.principal.tenant, name, tags)
    return {"Location": f"/{name}"}


@s3_operation("DeleteBucket")
async def delete_bucket(call: Call, parameters: Parameters) -> Reply:
    await store(call).buckets.delete(call.principal.tenant, parameters["Bucket"])
    return Reply({}, status=204)


@s3_operation("HeadBucket")
async def head_bucket(call: Call, parameters: Parameters) -> Parameters:
    bucket = await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return {"BucketRegion": bucket.region}


@s3_operation("ListBuckets")
async def list_buckets(call: Call, parameters: Parameters) -> Parameters:
    prefix, limit = parameters.get("Prefix", ""), parameters.get("MaxBuckets", 10_000)
    if not 1 <= limit <= 10_000:
        raise InvalidArgument("MaxBuckets must be 1 to 10000.", param="MaxBuckets")
    after = parameters.get("ContinuationToken", "")
    found = await store(call).buckets.list(
        call.principal.tenant, prefix=prefix, after=after, limit=limit + 1
    )
    region = parameters.get("BucketRegion")
    members: Parameters = {
        "Owner": owner(call),
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": moment(bucket.created),
                "BucketRegion": bucket.region,
            }
            for bucket in found[:limit]
            if region in (None, bucket.region)
        ],
    }
    if prefix:
        members["Prefix"] = prefix
    if len(found) > limit:
        members["ContinuationToken"] = found[limit - 1].name
    return members


@s3_operation("GetBucketLocation")
async def get_bucket_location(call: Call, parameters: Parameters) -> Parameters:
    bucket = await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return {} if bucket.region == DEFAULT_REGION else {"LocationConstraint": bucket.region}


@s3_operation("PutBucketVersioning", missing="MFA delete")
async def put_bucket_versioning(call: Call, parameters: Parameters) -> Parameters:
    wanted = parameters["VersioningConfiguration"]
    if wanted.get("MFADelete") == "Enabled":
        raise InvalidArgument("MFA delete is not served.", param="MFADelete")
    status = wanted.get("Status", "")
    await store(call).buckets.set_versioning(call.principal.tenant, parameters["Bucket"], status)
    return {}


@s3_operation("GetBucketVersioning")
async def get_bucket_versioning(call: Call, parameters: Parameters) -> Parameters:
    bucket = await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return {"Status": bucket.versioning} if bucket.versioning else {}


@s3_operation("PutBucketTagging")
async def put_bucket_tagging(call: Call, parameters: Parameters) -> Reply:
    tags = unique_tags((tag["Key"], tag["Value"]) for tag in parameters["Tagging"]["TagSet"])
    await store(call).buckets.set_tags(call.principal.tenant, parameters["Bucket"], tags)
    return Reply({}, status=204)


@s3_operation("GetBucketTagging")
async def get_bucket_tagging(call: Call, parameters: Parameters) -> Parameters:
    bucket = await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    if not bucket.tags:
        raise NoSuchTagSet("The TagSet does not exist.")
    return {"TagSet": [{"Key": key, "Value": value} for key, value in bucket.tags.items()]}


@s3_operation("DeleteBucketTagging")
async def delete_bucket_tagging(call: Call, parameters: Parameters) -> Reply:
    await store(call).buckets.set_tags(call.principal.tenant, parameters["Bucket"], {})
    return Reply({}, status=204)


@s3_operation(
    "PutBucketNotificationConfiguration",
    missing="delivery to the ARNs it names: the platform's own jobs follow events instead",
)
async def put_bucket_notification_configuration(call: Call, parameters: Parameters) -> Parameters:
    await store(call).buckets.set_notifications(
        call.principal.tenant, parameters["Bucket"], parameters["NotificationConfiguration"]
    )
    return {}


@s3_operation("GetBucketNotificationConfiguration")
async def get_bucket_notification_configuration(call: Call, parameters: Parameters) -> Parameters:
    bucket = await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return dict(bucket.notifications)
