"""S3's uploads from browser forms, whose policy the signature layer has already evaluated."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from gateway.aws.operations.s3_call import make_attributes, quoted, s3_operation, store
from gateway.aws.registry import Call, Parameters, Reply
from kit.auth.scopes import require
from kit.objects.arns import arn
from kit.objects.checksums import ALGORITHMS
from kit.objects.errors import InvalidArgument
from kit.objects.receiving import md5_of_header
from kit.objects.records import Expected, ObjectInfo

_METADATA = "x-amz-meta-"


@s3_operation("PostObject", missing="tags, ACLs, server-side encryption")
async def post_object(call: Call, parameters: Parameters) -> Reply:
    form = call.form
    require(call.principal.scopes, "s3:PostObject", arn(parameters["Bucket"], form["key"]))
    if form.get("tagging"):
        raise InvalidArgument("Tags in a form are not served.", param="tagging")
    metadata = {
        name.removeprefix(_METADATA): value
        for name, value in form.items()
        if name.startswith(_METADATA)
    }
    info = await store(call).put(
        call.principal.tenant,
        parameters["Bucket"],
        form["key"],
        parameters["Body"],
        attributes=make_attributes(form, metadata, ""),
        expected=_expected(form),
        event="ObjectCreated:Post",
    )
    return _answer(call, info)


def _expected(form: Mapping[str, str]) -> Expected:
    md5 = form.get("content-md5")
    md5_hex = md5_of_header(md5) if md5 else ""
    for name in ALGORITHMS:
        value = form.get(f"x-amz-checksum-{name.lower()}")
        if value:
            return Expected(md5=md5_hex, algorithm=name, checksum=value)
    return Expected(md5=md5_hex)


def _answer(call: Call, info: ObjectInfo) -> Reply:
    """As the form asks: a redirect, 200, 201 with a body that says where, or else 204."""
    host = call.request.header("host")
    location = f"{call.request.scheme}://{host}/{info.bucket}/{quote(info.key, safe='/')}"
    headers = {"ETag": quoted(info.etag), "Location": location}
    redirect = call.form.get("success_action_redirect") or call.form.get("redirect")
    if redirect:
        return Reply({}, status=303, headers=headers | {"Location": _redirect(redirect, info)})
    status = {"200": 200, "201": 201}.get(call.form.get("success_action_status", ""), 204)
    return Reply({"Bucket": info.bucket, "Key": info.key}, status=status, headers=headers)


def _redirect(target: str, info: ObjectInfo) -> str:
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https"):
        raise InvalidArgument("success_action_redirect must be an http or https URL.")
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += [("bucket", info.bucket), ("key", info.key), ("etag", quoted(info.etag))]
    return urlunsplit(parts._replace(query=urlencode(query)))
