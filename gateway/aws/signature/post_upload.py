"""Authenticates a browser's upload: a form whose signed policy says what it may hold."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from gateway.aws.request import AwsRequest
from gateway.aws.signature.claim import ALGORITHM, MAX_EXPIRES, make_claim
from gateway.aws.signature.errors import S3, Malformed, Refused, mismatch
from gateway.aws.signature.form import read_form
from gateway.aws.signature.lookup import SESSION_TOKEN, Keys, secret_for
from gateway.aws.signature.policy import check_policy
from gateway.aws.signature.sigv2 import v2_signature
from gateway.aws.signature.sigv4 import MAX_SKEW, same, sign, signing_key
from kit.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class PostUpload:
    """`fields` by lower-case name, all of them allowed by the policy; `key` has its file name.

    Read `body` to its end before you act on it: it raises when it is outside of the policy's size.
    """

    principal: Principal
    key: str
    fields: Mapping[str, str]
    body: AsyncIterator[bytes]


async def authenticate_post(request: AwsRequest, bucket: str, keys: Keys, now: float) -> PostUpload:
    """`bucket` is the one that the path names."""
    form = await read_form(request)
    fields = form.fields
    if "key" not in fields:
        raise Malformed("InvalidArgument", "Bucket POST must contain a field named 'key'.")
    if fields.setdefault("bucket", bucket) != bucket:
        raise Malformed("InvalidArgument", "The bucket field is not the bucket of the URL.")
    name = re.split(r"[/\\]", form.file_name)[-1]
    fields["key"] = fields["key"].replace("${filename}", name)
    policy = fields.get("policy")
    if policy is None:
        raise Refused("AccessDenied", "An upload needs a signed policy.")
    principal = await _signer(fields, policy, keys, now)
    sizes = check_policy(policy, fields, now)
    return PostUpload(principal, fields["key"], fields, sizes.hold(form.file))


async def _signer(fields: Mapping[str, str], policy: str, keys: Keys, now: float) -> Principal:
    if "x-amz-signature" in fields:
        if fields.get("x-amz-algorithm") != ALGORITHM:
            raise Malformed("InvalidArgument", f"x-amz-algorithm must be {ALGORITHM}.")
        given = fields["x-amz-signature"]
        principal, signature = await _v4(fields, policy, keys, now)
    elif "signature" in fields:
        given = fields["signature"]
        secret, principal = await secret_for(
            keys, fields.get("awsaccesskeyid", ""), S3, in_session=SESSION_TOKEN in fields
        )
        signature = v2_signature(secret, policy.encode())
    else:
        raise Refused("AccessDenied", "An upload's policy must be signed.")
    if not same(signature, given):
        raise mismatch(S3)
    return principal


async def _v4(
    fields: Mapping[str, str], policy: str, keys: Keys, now: float
) -> tuple[Principal, str]:
    try:
        credential, date = fields.get("x-amz-credential", ""), fields.get("x-amz-date", "")
        claim = make_claim(credential, (), fields["x-amz-signature"], date)
    except ValueError as error:
        raise Malformed(
            "InvalidArgument", f"The form's signature is malformed: {error}."
        ) from error
    if claim.service != "s3":
        raise Malformed("InvalidArgument", "The form's credential must be scoped to s3.")
    if not claim.signed_at - MAX_SKEW <= now <= claim.signed_at + MAX_EXPIRES:
        raise Refused("AccessDenied", "The form was signed too long ago, or in the future.")
    secret, principal = await secret_for(
        keys, claim.access_key, S3, in_session=SESSION_TOKEN in fields
    )
    key = signing_key(secret, claim.date, claim.region, claim.service)
    return principal, sign(key, policy)
