"""STS: who the caller is, and nothing else, since this platform issues no session tokens."""

from gateway.aws.registry import Call, Parameters, operation


@operation("sts", "GetCallerIdentity")
async def get_caller_identity(call: Call, _: Parameters) -> Parameters:
    principal = call.principal
    return {
        "UserId": principal.key,
        "Account": principal.account,
        "Arn": f"arn:aws:iam::{principal.account}:user/{principal.key}",
    }
