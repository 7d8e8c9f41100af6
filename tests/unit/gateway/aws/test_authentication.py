"""The door with the real verifier: boto3 signs, and what the verifier refuses stays outside."""

from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from gateway.aws.authentication import authentication
from gateway.aws.registry import Call, Parameters
from gateway.aws.signature.authenticate import Authenticator
from kit.auth.principal import Principal
from kit.errors import Unauthenticated
from tests.unit.gateway.aws.door import PRINCIPAL, running, serving


class _Keys:
    def __init__(self, secret: str = "secret") -> None:
        self._secret = secret

    async def by_bearer(self, token: str) -> Principal:
        if token != "bearer-key":
            raise Unauthenticated("Unknown key.")
        return PRINCIPAL

    async def secret_of(self, access_key_id: str) -> tuple[str, Principal] | None:
        return (self._secret, PRINCIPAL) if access_key_id == "AKTEST" else None


def _verifier(secret: str = "secret") -> Any:
    return authentication(Authenticator(_Keys(secret)))


async def _identify(call: Call, _: Parameters) -> Parameters:
    return {"Account": call.principal.account}


async def _retrieve(_: Call, parameters: Parameters) -> Parameters:
    return {"retrievalResults": [{"content": {"text": parameters["knowledgeBaseId"]}}]}


async def _put(call: Call, parameters: Parameters) -> Parameters:
    body = b"".join([part async for part in parameters["Body"]])
    return {"ETag": f'"{len(body)}-{call.length}"'}


_OPERATIONS = serving(
    sts__GetCallerIdentity=_identify,
    bedrock_agent_runtime__Retrieve=_retrieve,
    s3__PutObject=_put,
)
_RETRIEVE = {"knowledgeBaseId": "ABCDEFGHIJ", "retrievalQuery": {"text": "q"}}


def test_what_boto3_signs_is_let_in_over_every_protocol() -> None:
    with running(_OPERATIONS, authenticate=_verifier()) as door:
        assert door.client("sts").get_caller_identity()["Account"] == "123456789012"
        found = door.client("bedrock-agent-runtime").retrieve(**_RETRIEVE)
        assert found["retrievalResults"][0]["content"]["text"] == "ABCDEFGHIJ"
        assert door.client("s3").put_object(Bucket="b", Key="é +/k", Body=b"abc")["ETag"] == '"3-3"'


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", lambda client: client.get_caller_identity(), "SignatureDoesNotMatch"),
        (
            "bedrock-agent-runtime",
            lambda client: client.retrieve(**_RETRIEVE),
            "InvalidSignatureException",
        ),
        (
            "s3",
            lambda client: client.put_object(Bucket="b", Key="k", Body=b"abc"),
            "SignatureDoesNotMatch",
        ),
    ],
)
def test_a_wrong_secret_is_refused_under_each_services_name(
    service: str, call: Any, code: str
) -> None:
    refused = running(_OPERATIONS, authenticate=_verifier("another"))
    with refused as door, pytest.raises(ClientError) as caught:
        call(door.client(service))
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_bearer_key_reaches_bedrock() -> None:
    body = b'{"retrievalQuery": {"text": "q"}}'
    with running(_OPERATIONS, authenticate=_verifier()) as door:
        answer = door.send(
            b"POST /knowledgebases/ABCDEFGHIJ/retrieve HTTP/1.1\r\nHost: a\r\n"
            b"Authorization: Bearer bearer-key\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_v2_url_keeps_to_its_bucket_whatever_host_it_is_sent_to() -> None:
    with running(_OPERATIONS, authenticate=_verifier()) as door, urllib3.PoolManager() as http:
        url = door.client("s3").generate_presigned_url("put_object", {"Bucket": "b", "Key": "k"})
        assert http.request("PUT", url, body=b"x").status == 200
        elsewhere = http.request("PUT", url, body=b"x", headers={"Host": "other.localhost"})
        assert elsewhere.status == 403
        in_host = boto3.client(
            "s3",
            endpoint_url=f"http://localhost:{door.port}",
            region_name="us-east-1",
            aws_access_key_id="AKTEST",
            aws_secret_access_key="secret",
            config=Config(signature_version="s3-query", s3={"addressing_style": "virtual"}),
        ).generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "k"})
        host = f"bucket.localhost:{door.port}"
        assert in_host.startswith(f"http://{host}/k?")
        sent = in_host.replace("bucket.localhost", "127.0.0.1")
        assert http.request("PUT", sent, body=b"x", headers={"Host": host}).status == 200
