"""Settings of buckets that tools read though nobody set them: each answers what is true here.

Nothing here is public, no ACL is in force, and no policy, rule or encryption can be set; the
operations that would set one are absent.
"""

from gateway.aws.operations.s3_call import owner, s3_operation, store
from gateway.aws.registry import Call, Parameters, Reply
from kit.errors import NotFound, Unsupported
from kit.objects.errors import MalformedXml

_ALL_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ABSENT = {
    "GetBucketCors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "GetBucketEncryption": (
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
    "GetBucketLifecycleConfiguration": (
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    "GetBucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketPolicyStatus": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketReplication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "GetBucketWebsite": (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
    "GetObjectLockConfiguration": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
}
_EMPTY = ("GetBucketAccelerateConfiguration", "GetBucketLogging")


class NothingConfigured(NotFound):
    """A setting that nobody can have made; its AWS name goes with the operation."""

    def __init__(self, aws_code: str, message: str) -> None:
        super().__init__(message)
        self.aws_code = aws_code


def _register_absent(name: str, code: str, message: str) -> None:
    @s3_operation(name)
    async def answer(call: Call, parameters: Parameters) -> Parameters:
        await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
        raise NothingConfigured(code, message)


def _register_empty(name: str) -> None:
    @s3_operation(name)
    async def answer(call: Call, parameters: Parameters) -> Parameters:
        await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
        return {}


for _name, (_code, _message) in _ABSENT.items():
    _register_absent(_name, _code, _message)
for _name in _EMPTY:
    _register_empty(_name)


@s3_operation("GetBucketAcl")
async def get_bucket_acl(call: Call, parameters: Parameters) -> Parameters:
    await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return _owner_alone(call)


@s3_operation("GetObjectAcl")
async def get_object_acl(call: Call, parameters: Parameters) -> Parameters:
    await store(call).head(
        call.principal.tenant,
        parameters["Bucket"],
        parameters["Key"],
        version=parameters.get("VersionId", ""),
    )
    return _owner_alone(call)


@s3_operation("GetBucketRequestPayment")
async def get_bucket_request_payment(call: Call, parameters: Parameters) -> Parameters:
    await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return {"Payer": "BucketOwner"}


@s3_operation("GetBucketOwnershipControls")
async def get_bucket_ownership_controls(call: Call, parameters: Parameters) -> Parameters:
    await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}


@s3_operation("GetPublicAccessBlock")
async def get_public_access_block(call: Call, parameters: Parameters) -> Parameters:
    await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    return {"PublicAccessBlockConfiguration": dict(_ALL_BLOCKED)}


@s3_operation("PutPublicAccessBlock", missing="public buckets: it must block everything")
async def put_public_access_block(call: Call, parameters: Parameters) -> Reply:
    await store(call).buckets.get(call.principal.tenant, parameters["Bucket"])
    if parameters.get("PublicAccessBlockConfiguration") is None:
        raise MalformedXml("A PublicAccessBlockConfiguration is needed.")
    if parameters["PublicAccessBlockConfiguration"] != _ALL_BLOCKED:
        raise Unsupported("Public access is always blocked here; set all four members to true.")
    return Reply({})


def _owner_alone(call: Call) -> Parameters:
    grantee = {"Type": "CanonicalUser", **owner(call)}
    return {
        "Owner": owner(call),
        "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}],
    }
