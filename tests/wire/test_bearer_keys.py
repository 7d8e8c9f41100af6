"""AWS_BEARER_TOKEN_BEDROCK through boto3: the platform's own keys, and short-term ones."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import openai
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.support.tls import tls_front
from tests.wire.s3_support import certificate_file

MODEL = "amazon.titan-embed-text-v1"


@dataclass(frozen=True)
class Front:
    url: str
    certificate: Path


@pytest.fixture(scope="module")
def front(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """boto3 sends bearer keys over TLS only."""
    certificate = certificate_file(tmp_path_factory.mktemp("tls"))
    with tls_front(platform.url, certificate) as url:
        yield Front(url, certificate)


def bearer_runtime(front: Front, monkeypatch: pytest.MonkeyPatch, token: str) -> Any:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", token)
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=front.url,
        verify=str(front.certificate),
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )


def embedded(client: Any) -> int:
    answered = client.invoke_model(modelId=MODEL, body=b'{"inputText": "oak"}')
    return len(json.loads(answered["body"].read())["embedding"])


def test_a_long_term_bearer_key_opens_bedrock(
    platform: Platform, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bearer_runtime(front, monkeypatch, platform.owner.bearer)
    assert embedded(client) == 1536


def short_term(platform: Platform, expires: int = 3600) -> str:
    """As aws-bedrock-token-generator makes it."""
    url = "https://bedrock.amazonaws.com/"
    request = AWSRequest("POST", url, params={"Action": "CallWithBearerToken"})
    request.headers["host"] = "bedrock.amazonaws.com"
    pair = Credentials(platform.owner.access_key_id, platform.owner.secret_access_key)
    SigV4QueryAuth(pair, "bedrock", "us-east-1", expires=expires).add_auth(request)
    presigned = f"{request.url}&Version=1".removeprefix("https://")
    return "bedrock-api-key-" + base64.b64encode(presigned.encode()).decode()


def test_a_short_term_bearer_key_opens_bedrock(
    platform: Platform, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bearer_runtime(front, monkeypatch, short_term(platform))
    assert embedded(client) == 1536


def openai_client(platform: Platform, token: str) -> openai.OpenAI:
    """At the path that Bedrock gives OpenAI's API."""
    return platform.openai().with_options(base_url=f"{platform.url}/openai/v1", api_key=token)


def test_a_short_term_bearer_key_opens_bedrocks_openai_api(platform: Platform) -> None:
    client = openai_client(platform, short_term(platform))
    assert client.embeddings.create(model=MODEL, input="oak").data


def test_a_short_term_bearer_key_does_not_open_what_is_not_bedrocks(platform: Platform) -> None:
    headers = {"authorization": f"Bearer {short_term(platform)}"}
    assert httpx.get(f"{platform.url}/api/v1/whoami", headers=headers).status_code == 401


def wrong_token(platform: Platform, wrong: str) -> str:
    good = base64.b64decode(short_term(platform).removeprefix("bedrock-api-key-")).decode()
    signature = good.index("X-Amz-Signature=") + len("X-Amz-Signature=")
    altered = good[:signature] + "0" * 8 + good[signature + 8 :]
    return {
        "altered": "bedrock-api-key-" + base64.b64encode(altered.encode()).decode(),
        "too long": short_term(platform, expires=604_800),
        "made up": platform.owner.bearer[:-4] + "aaaa",
        "nonsense": "bedrock-api-key-%%%",
    }[wrong]


WRONG = pytest.mark.parametrize("wrong", ["altered", "too long", "made up", "nonsense"])


@WRONG
def test_a_wrong_bearer_key_is_an_authentication_error_to_openai(
    platform: Platform, wrong: str
) -> None:
    with pytest.raises(openai.AuthenticationError):
        openai_client(platform, wrong_token(platform, wrong)).models.list()


@WRONG
def test_a_wrong_bearer_key_is_refused(
    platform: Platform, front: Front, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    client = bearer_runtime(front, monkeypatch, wrong_token(platform, wrong))
    with pytest.raises(ClientError) as raised:
        embedded(client)
    response = raised.value.response
    codes = ("AccessDeniedException", "InvalidSignatureException")
    assert response["Error"]["Code"] == codes[wrong == "altered"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
