"""Bearer keys on the AWS door: the platform's own, and short-term ones that boto's signer makes."""

import base64
import datetime
from dataclasses import replace
from unittest.mock import patch

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.aws.request import AwsRequest
from tests.unit.gateway.aws.signature.signing import (
    ALICE,
    KEY,
    NOW,
    REGION,
    SECRET,
    authenticate,
    code_of,
    stream,
)


def short_term(
    expires: int = 43_200,
    service: str = "bedrock",
    secret: str = SECRET,
    action: str = "CallWithBearerToken",
    host: str = "bedrock.amazonaws.com",
) -> str:
    """As AWS's token generator makes it."""
    request = AWSRequest(
        method="POST", url=f"https://{host}/", headers={"host": host}, params={"Action": action}
    )
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda: moment):
        auth = SigV4QueryAuth(Credentials(KEY, secret), service, REGION, expires=expires)
        auth.add_auth(request)
    return encoded(request.url.removeprefix("https://") + "&Version=1")


def encoded(url: str) -> str:
    return "bedrock-api-key-" + base64.b64encode(url.encode()).decode()


def call(token: str) -> AwsRequest:
    headers = (("authorization", f"Bearer {token}"), ("host", "127.0.0.1"))
    return AwsRequest("POST", "http", "/model/m/invoke", "", headers, stream(b"{}"))


def test_a_key_of_the_platform_is_a_long_term_key() -> None:
    result, body = authenticate(call("uc_live_alice"), "bedrock")
    assert (result.principal, body) == (ALICE, b"{}")
    assert code_of(lambda: authenticate(call("uc_live_bob"), "bedrock")) == "AccessDeniedException"
    assert code_of(lambda: authenticate(call("uc_live_bob"), "s3")) == "AccessDenied"


def test_a_short_term_key_is_verified_offline_until_it_expires() -> None:
    token = short_term()
    assert authenticate(call(token), "bedrock")[0].principal == ALICE
    authenticate(call(token), "bedrock", now=NOW + 43_200)
    late = NOW + 43_201
    code = code_of(lambda: authenticate(call(token), "bedrock", now=late))
    assert code == "InvalidSignatureException"


@pytest.mark.parametrize(
    "token",
    [
        short_term(expires=43_201),
        short_term(service="s3"),
        short_term(secret="x" * 40),
        short_term(action="DeleteEverything"),
        short_term(host="evil.example"),
        encoded("bedrock.amazonaws.com/?Action=CallWithBearerToken&Version=1"),
        "bedrock-api-key-",
        "bedrock-api-key-!!!",
        "bedrock-api-key-AAAA",
    ],
)
def test_any_other_short_term_key_is_refused(token: str) -> None:
    assert code_of(lambda: authenticate(call(token), "bedrock")) != ""


def test_an_altered_short_term_key_is_refused() -> None:
    url = base64.b64decode(short_term().removeprefix("bedrock-api-key-")).decode()
    longer = encoded(url.replace("43200", "43199"))
    code = code_of(lambda: authenticate(call(longer), "bedrock"))
    assert code == "InvalidSignatureException"


def test_a_short_term_key_is_for_bedrock_only() -> None:
    assert code_of(lambda: authenticate(call(short_term()), "sagemaker")) == "AccessDeniedException"


def test_a_bearer_key_beside_a_signed_query_is_refused() -> None:
    request = replace(call("uc_live_alice"), raw_query="X-Amz-Signature=1")
    code = code_of(lambda: authenticate(request, "bedrock"))
    assert code == "IncompleteSignatureException"
