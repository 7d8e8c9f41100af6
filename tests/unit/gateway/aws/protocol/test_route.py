"""Which operation a raw request head is for, at the places where AWS's paths are ambiguous."""

import pytest

from gateway.aws.protocol.failures import UnknownOperation
from gateway.aws.protocol.route import route
from gateway.aws.request import AwsRequest
from kit.errors import Unsupported
from tests.unit.gateway.aws.samples import stream

_SESSION = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Asession%2Fa"
_KNOWLEDGE_BASE = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aknowledge-base%2FA"


def _request(line: str, service: str | None = "bedrock", **headers: str) -> AwsRequest:
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if service:
        scope = f"AK/20260101/us-east-1/{service}/aws4_request"
        sent["authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"
    return AwsRequest(method, "http", path, query, tuple(sent.items()), stream())


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("POST /agents/A/", "bedrock-agent:PrepareAgent"),
        ("POST /agents/A", "bedrock-agent-runtime:InvokeInlineAgent"),
        ("PUT /knowledgebases", "bedrock-agent:CreateKnowledgeBase"),
        ("PUT /knowledgebases/", "bedrock-agent:CreateKnowledgeBase"),
        (f"GET /tags/{_SESSION}", "bedrock-agent-runtime:ListTagsForResource"),
        (f"GET /tags/{_KNOWLEDGE_BASE}", "bedrock-agent:ListTagsForResource"),
        ("POST /model/arn%3Aaws%3Ax%2Fy/invoke", "bedrock-runtime:InvokeModel"),
        ("GET /foundation-models", "bedrock:ListFoundationModels"),
    ],
)
def test_bedrock_paths_find_their_service(line: str, operation: str) -> None:
    assert str(route(_request(line)).id) == operation


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("GET /", "ListBuckets"),
        ("GET /b/", "ListObjects"),
        ("GET /b?list-type=2", "ListObjectsV2"),
        ("GET /b?versions", "ListObjectVersions"),
        ("GET /b?lifecycle=", "GetBucketLifecycleConfiguration"),
        ("GET /b//k/", "GetObject"),
        ("GET /b/k?uploadId=u", "ListParts"),
        ("PUT /b/k", "PutObject"),
        ("PUT /b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("POST /b/k?uploads", "CreateMultipartUpload"),
        ("POST /b/k?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE /b/k?uploadId=u", "AbortMultipartUpload"),
        ("DELETE /b/k?versionId=u", "DeleteObject"),
        ("PUT /b/k?tagging", "PutObjectTagging"),
        ("POST /b?delete", "DeleteObjects"),
        ("POST /b", "PostObject"),
        ("HEAD /b", "HeadBucket"),
    ],
)
def test_s3_operations_are_told_apart_by_query(line: str, operation: str) -> None:
    assert route(_request(line, "s3")).name == operation


def test_a_copy_is_told_by_its_header() -> None:
    assert route(_request("PUT /b/k", "s3", x_amz_copy_source="/a/b")).name == "CopyObject"
    part = _request("PUT /b/k?partNumber=1&uploadId=u", "s3", x_amz_copy_source="/a/b")
    assert route(part).name == "UploadPartCopy"


def test_labels_stay_as_they_were_sent() -> None:
    found = route(_request("GET /b/a%2Fb/../%2e%2e//c%20d", "s3"))
    assert found.labels == {"Bucket": "b", "Key": "a%2Fb/../%2e%2e//c%20d"}


@pytest.mark.parametrize("host", ["b.localhost:8000", "b.s3.localhost", "b.s3.eu-west-1.x.org"])
def test_a_bucket_may_stand_in_the_host(host: str) -> None:
    found = route(_request("GET /k", "s3", host=host))
    assert (found.name, found.labels) == ("GetObject", {"Bucket": "b", "Key": "k"})


def test_a_bearer_key_has_no_signing_name_so_the_path_decides() -> None:
    request = _request("POST /model/m/converse", None, authorization="Bearer key")
    assert str(route(request).id) == "bedrock-runtime:Converse"


def test_the_host_settles_a_path_that_two_services_share() -> None:
    request = _request(f"GET /tags/{_KNOWLEDGE_BASE}", host="bedrock-agent-runtime.localhost:1")
    assert route(request).service == "bedrock-agent-runtime"


def test_json_and_query_operations_name_themselves() -> None:
    target = _request("POST /", "sagemaker", x_amz_target="SageMaker.CreateModel")
    assert str(route(target).id) == "sagemaker:CreateModel"
    form = _request("POST /", "sts", content_type="application/x-www-form-urlencoded")
    found = route(form, b"Action=GetCallerIdentity&Version=2011-06-15")
    assert (str(found.id), found.protocol) == ("sts:GetCallerIdentity", "query")


@pytest.mark.parametrize(
    "request_",
    [
        _request("POST /nothing/here"),
        _request("PATCH /b/k", "s3"),
        _request("POST /", "sagemaker", x_amz_target="SageMaker.Nothing"),
        _request("GET /?Action=Nothing", "sts"),
        _request("POST /", "dynamodb", x_amz_target="DynamoDB_20120810.ListTables"),
    ],
)
def test_what_fits_no_operation_is_unknown(request_: AwsRequest) -> None:
    with pytest.raises(UnknownOperation):
        route(request_)


def test_an_object_may_be_of_any_type_and_a_list_may_ask_anything() -> None:
    upload = _request("PUT /b/k", "s3", content_type="application/cbor")
    assert route(upload).name == "PutObject"
    assert route(_request("GET /b/k?Action=x", "s3")).name == "GetObject"


def test_cbor_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="rpc-v2-cbor"):
        route(_request("POST /service/X/operation/Y", smithy_protocol="rpc-v2-cbor"))
