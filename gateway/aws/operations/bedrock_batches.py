"""bedrock: batch inference, its records read from and its answers written to S3."""

import secrets
import string
from datetime import UTC, datetime
from typing import Any

from gateway.aws.operations.bedrock_models import card_of
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.operations.places import split
from gateway.aws.registry import Call, Parameters, operation
from kit.auth.scopes import require
from kit.batches.records import NewBatch, Seen
from kit.catalogue import model_id
from kit.errors import InvalidRequest, NotFound
from kit.objects.arns import arn
from kit.objects.names import MOST_KEY_BYTES

SERVICE = "bedrock"
WIRE = "bedrock"
_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 12
_LONGEST_PREFIX = MOST_KEY_BYTES - _ID_LENGTH - len("/manifest.json.out")
_HOUR = 3600.0
_STATUSES = {
    "queued": "Submitted",
    "running": "InProgress",
    "finalizing": "InProgress",
    "cancelling": "Stopping",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Stopped",
}
_PAGE = 200


@operation(
    SERVICE,
    "CreateModelInvocationJob",
    missing="roleArn is not assumed: the caller's own key must allow what the job does; "
    "vpcConfig; s3EncryptionKeyId; tags",
    resource=lambda p: model_id(p["modelId"]),
)
async def create_model_invocation_job(call: Call, parameters: Parameters) -> Parameters:
    """Raises PermissionDenied where the key may not read, ask or write what the job will."""
    refuse(parameters, "vpcConfig", "tags")
    name = await _model(call, parameters)
    asked = {
        "model": name,
        "type": parameters.get("modelInvocationType", "InvokeModel"),
        "input": _input(call, parameters),
        "output": _output(call, parameters),
        "told": {one: parameters[one] for one in _REPEATED if one in parameters},
    }
    for place in ("input", "output"):
        await call.backends.objects.buckets.get(call.principal.tenant, asked[place]["bucket"])
    hours = parameters.get("timeoutDurationInHours", 24)
    who = call.principal
    id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    new = NewBatch(WIRE, id, parameters["jobName"], asked, who.account, who.key, hours * _HOUR)
    made = await call.backends.batches.create(
        who.tenant, new, token=parameters.get("clientRequestToken")
    )
    return {"jobArn": _arn(call, made)}


@operation(SERVICE, "GetModelInvocationJob", resource=lambda p: _id(p))
async def get_model_invocation_job(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.batches.get(call.principal.tenant, WIRE, _id(parameters))
    return _job(call, found)


@operation(SERVICE, "StopModelInvocationJob", resource=lambda p: _id(p))
async def stop_model_invocation_job(call: Call, parameters: Parameters) -> Parameters:
    """The answers that there are by then are written. Raises Conflict once it has ended."""
    await call.backends.batches.cancel(call.principal.tenant, WIRE, _id(parameters))
    return {}


@operation(SERVICE, "ListModelInvocationJobs")
async def list_model_invocation_jobs(call: Call, parameters: Parameters) -> Parameters:
    limit = parameters.get("maxResults", 100)
    newest_first = parameters.get("sortOrder", "Descending") == "Descending"
    after = parameters.get("nextToken")
    found: list[Seen] = []
    while len(found) <= limit:
        page = await call.backends.batches.page(
            call.principal.tenant, WIRE, after=after, limit=_PAGE, newest_first=newest_first
        )
        found += [one for one in page if _wanted(one, parameters)]
        if len(page) < _PAGE:
            break
        after = page[-1].batch.job
    more = found[limit - 1].batch.job if len(found) > limit else None
    return dropped(
        {
            "invocationJobSummaries": [_job(call, one) for one in found[:limit]],
            "nextToken": more,
        }
    )


_REPEATED = (
    "roleArn",
    "clientRequestToken",
    "modelId",
    "inputDataConfig",
    "outputDataConfig",
    "timeoutDurationInHours",
)


async def _model(call: Call, parameters: Parameters) -> str:
    """Raises NotFound, and PermissionDenied where the key may not invoke it."""
    name = model_id(parameters["modelId"])
    require(call.principal.scopes, "bedrock-runtime:InvokeModel", name)
    if await card_of(call, parameters["modelId"]) is None:
        raise NotFound(f"No model is served under the name {name!r}.", param="modelId")
    return name


def _input(call: Call, parameters: Parameters) -> dict[str, str]:
    config = _config(parameters, "inputDataConfig", "s3InputDataConfig")
    bucket, key = _place(call, config, "inputDataConfig")
    require(call.principal.scopes, "s3:ListObjectsV2", arn(bucket))
    require(call.principal.scopes, "s3:GetObject", arn(bucket, f"{key}*"))
    return {"bucket": bucket, "key": key}


def _output(call: Call, parameters: Parameters) -> dict[str, str]:
    config = _config(parameters, "outputDataConfig", "s3OutputDataConfig")
    refuse(config, "s3EncryptionKeyId", at="outputDataConfig.s3OutputDataConfig.")
    bucket, key = _place(call, config, "outputDataConfig")
    prefix = key if not key or key.endswith("/") else f"{key}/"
    if len(prefix.encode()) > _LONGEST_PREFIX:
        raise InvalidRequest(
            f"outputDataConfig: a key under this prefix would have more than {MOST_KEY_BYTES} "
            "bytes; shorten it.",
            param="outputDataConfig.s3OutputDataConfig.s3Uri",
        )
    require(call.principal.scopes, "s3:PutObject", arn(bucket, f"{prefix}*"))
    return {"bucket": bucket, "prefix": prefix}


def _config(parameters: Parameters, name: str, member: str) -> Parameters:
    config: Parameters | None = parameters[name].get(member)
    if config is None:
        raise InvalidRequest(f"{name} needs {member}.", param=name)
    return config


def _place(call: Call, config: Parameters, name: str) -> tuple[str, str]:
    if config.get("s3BucketOwner", call.principal.account) != call.principal.account:
        raise InvalidRequest(f"{name}: the bucket is not this account's.", param="s3BucketOwner")
    return split(config["s3Uri"], f"{name}.s3Uri")


def _id(parameters: Parameters) -> str:
    return str(parameters["jobIdentifier"]).rpartition("/")[2]


def _arn(call: Call, seen: Seen) -> str:
    account = call.principal.account
    return f"arn:aws:bedrock:us-east-1:{account}:model-invocation-job/{seen.batch.id}"


def _status(seen: Seen) -> str:
    if seen.status == "expired":
        return "PartiallyCompleted" if seen.batch.succeeded else "Expired"
    return _STATUSES[seen.status]


def _job(call: Call, seen: Seen) -> dict[str, Any]:
    batch = seen.batch
    changed = seen.ended_at or batch.cancelling_at or batch.begun_at or batch.created_at
    return dropped(
        {
            **batch.asked["told"],
            "jobArn": _arn(call, seen),
            "jobName": batch.name,
            "status": _status(seen),
            "message": seen.failure or batch.told.get("message"),
            "submitTime": _moment(batch.created_at),
            "lastModifiedTime": _moment(changed),
            "endTime": _moment(seen.ended_at),
            "jobExpirationTime": _moment(batch.expires_at),
            "modelInvocationType": batch.asked["type"],
            "totalRecordCount": batch.total,
            "processedRecordCount": batch.succeeded + batch.failed,
            "successRecordCount": batch.succeeded,
            "errorRecordCount": batch.failed,
        }
    )


def _wanted(seen: Seen, parameters: Parameters) -> bool:
    made = _moment(seen.batch.created_at)
    before, after = parameters.get("submitTimeBefore"), parameters.get("submitTimeAfter")
    return (
        parameters.get("statusEquals", _status(seen)) == _status(seen)
        and parameters.get("nameContains", "") in seen.batch.name
        and (before is None or made is None or made < before)
        and (after is None or made is None or made > after)
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
