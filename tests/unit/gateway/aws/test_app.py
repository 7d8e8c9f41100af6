"""The door's list of steps, driven by boto3 and by raw sockets against a real server."""

import asyncio
import hashlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from gateway.aws.authentication import Signed
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.registry import Call, Parameters, Reply
from gateway.aws.request import AwsRequest
from gateway.aws.served import SERVED
from kit.auth.principal import Principal
from kit.auth.scopes import Scope
from kit.errors import Conflict, Internal, NotFound, RateLimited
from tests.unit.gateway.aws.door import PRINCIPAL, Running, parts, running, serving

_RETRIEVE = {"knowledgeBaseId": "ABCDEFGHIJ", "retrievalQuery": {"text": "q"}}
_HEAD = (
    b"POST /knowledgebases/ABCDEFGHIJ/retrieve HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/r/bedrock/aws4_request\r\n"
)
_QUESTION = b'{"retrievalQuery": {"text": "q"}}'


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


async def _echo(_: Call, parameters: Parameters) -> Parameters:
    text = parameters["retrievalQuery"]["text"]
    return {"retrievalResults": [{"content": {"text": text}, "score": 0.5}]}


def _raising(error: Exception) -> Any:
    async def handler(_: Call, __: Parameters) -> Parameters:
        raise error

    return handler


def test_sts_says_who_the_caller_is() -> None:
    with running(dict(SERVED)) as door:
        identity = door.client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/AKTEST"
    assert identity["ResponseMetadata"]["RequestId"] == door.outcomes[0].request_id


def test_a_request_goes_through_every_step_and_is_recorded() -> None:
    with running(serving(bedrock_agent_runtime__Retrieve=_echo)) as door:
        answer = door.client("bedrock-agent-runtime").retrieve(**_RETRIEVE)
        _until(lambda: door.outcomes)
    assert answer["retrievalResults"] == [{"content": {"text": "q"}, "score": 0.5}]
    (outcome,) = door.outcomes
    assert (outcome.code, outcome.principal) == ("", PRINCIPAL)
    assert str(outcome.operation) == "bedrock-agent-runtime:Retrieve"


def test_an_absent_operation_is_named_in_a_typed_error() -> None:
    with running({}) as door, pytest.raises(ClientError) as caught:
        door.client("bedrock-agent").list_agents()
    response = caught.value.response
    assert response["Error"]["Code"] == "UnknownOperationException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "bedrock-agent:ListAgents is not served" in response["Error"]["Message"]


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (NotFound("No such knowledge base."), "ResourceNotFoundException", 404),
        (Conflict("Busy."), "ConflictException", 409),
        (RateLimited("Slow down.", retry_after=2), "ThrottlingException", 429),
        (Internal("secret path"), "InternalServerException", 500),
        (RuntimeError("secret path"), "InternalServerException", 500),
    ],
)
def test_errors_are_the_operations_own(error: Exception, code: str, status: int) -> None:
    operations = serving(bedrock_agent_runtime__Retrieve=_raising(error))
    with running(operations) as door:
        client = door.client("bedrock-agent-runtime")
        with pytest.raises(getattr(client.exceptions, code)) as caught:
            client.retrieve(**_RETRIEVE)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert "secret" not in str(response)
    waits = response["ResponseMetadata"]["HTTPHeaders"].get("retry-after")
    assert waits == ("2" if code == "ThrottlingException" else None)


def test_a_key_without_the_scope_is_refused_before_the_operation() -> None:
    reader = Principal("acme", "123456789012", "AKTEST", (Scope("bedrock-runtime:*"),))

    async def as_reader(request: AwsRequest, _: RoutedOperation) -> Signed:
        return Signed(reader, request.body)

    operations = serving(bedrock_agent_runtime__Retrieve=_raising(AssertionError("reached")))
    with running(operations, authenticate=as_reader) as door:
        client = door.client("bedrock-agent-runtime")
        with pytest.raises(client.exceptions.AccessDeniedException):
            client.retrieve(**_RETRIEVE)


def test_limits_come_before_the_body_is_parsed() -> None:
    async def full(_: Principal) -> None:
        raise RateLimited("Too many requests.", retry_after=0.2)

    with running(serving(bedrock_agent_runtime__Retrieve=_echo), admit=full) as door:
        answer = door.send(_HEAD + b"Content-Length: 1\r\n\r\n{")
    assert b"429 Too Many Requests" in answer
    assert b"retry-after: 1" in answer


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"Content-Length: 1\r\n\r\n{", 400, b"SerializationException"),
        (b"Content-Length: 2\r\n\r\n{}", 400, b"ValidationException"),
        (b"Content-Length: 2000\r\n\r\n", 413, b"RequestEntityTooLargeException"),
        (
            b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n",
            413,
            b"RequestEntityTooLargeException",
        ),
    ],
)
def test_bad_bodies_get_a_clear_error(body: bytes, status: int, code: bytes) -> None:
    operations = serving(bedrock_agent_runtime__Retrieve=_echo)
    with running(operations, most_buffered=1000) as door:
        answer = door.send(_HEAD + body)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"x-amzn-errortype: " + code in answer


def test_objects_stream_in_and_out_and_keep_status_and_headers() -> None:
    seen: dict[str, Any] = {}

    async def put(call: Call, parameters: Parameters) -> Parameters:
        digest = hashlib.md5()
        async for part in parameters["Body"]:
            digest.update(part)
        seen.update(md5=digest.hexdigest(), key=parameters["Key"])
        return {"ETag": '"e"'}

    async def get(_: Call, parameters: Parameters) -> Reply:
        body = {"Body": parts(b"ab", b"cd"), "ContentLength": 4, "Metadata": {"who": "me"}}
        return Reply(body, status=206, headers={"x-extra": "1"})

    operations = serving(s3__PutObject=put, s3__GetObject=get)
    with running(operations, most_buffered=10) as door:
        client = door.client("s3")
        client.put_object(Bucket="b", Key="a b/../c", Body=b"x" * 3_000_000)
        got = client.get_object(Bucket="b", Key="k", Range="bytes=0-3")
        assert got["Body"].read() == b"abcd"
    assert seen == {"md5": hashlib.md5(b"x" * 3_000_000).hexdigest(), "key": "a b/../c"}
    metadata = got["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["HTTPHeaders"]["x-extra"]) == (206, "1")
    assert got["Metadata"] == {"who": "me"}
    assert metadata["RequestId"]


def test_s3_errors_are_xml_and_head_has_no_body() -> None:
    missing = _raising(NotFound("The key is not there."))
    with running(serving(s3__GetObject=missing, s3__HeadObject=missing)) as door:
        client = door.client("s3")
        with pytest.raises(client.exceptions.NoSuchKey) as caught:
            client.get_object(Bucket="b", Key="k")
        with pytest.raises(ClientError) as headed:
            client.head_object(Bucket="b", Key="k")
    assert caught.value.response["Error"]["Resource"] == "/b/k"
    assert headed.value.response["Error"]["Code"] == "404"


def test_a_stream_that_breaks_ends_with_its_error() -> None:
    async def answer(_: Call, __: Parameters) -> Parameters:
        async def events() -> AsyncIterator[Parameters]:
            yield {"output": {"text": "so far"}}
            raise RuntimeError("secret")

        return {"stream": events(), "sessionId": "s"}

    operations = serving(bedrock_agent_runtime__RetrieveAndGenerateStream=answer)
    with running(operations) as door:
        client = door.client("bedrock-agent-runtime")
        stream = client.retrieve_and_generate_stream(input={"text": "q"})["stream"]
        received: list[Any] = []
        with pytest.raises(EventStreamError, match="internalServerException") as caught:
            received.extend(stream)
        _until(lambda: door.outcomes)
    assert "secret" not in str(caught.value)
    assert door.outcomes[0].code == "InternalServerException"


def _leave_after_head(door: Running, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", door.port), 10) as line:
        line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(_QUESTION) + _QUESTION)
        time.sleep(0.1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_client_that_leaves_cancels_a_long_call() -> None:
    ended: list[str] = []

    async def slow(_: Call, __: Parameters) -> Parameters:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return {}

    with running(serving(bedrock_agent_runtime__Retrieve=slow)) as door:
        _leave_after_head(door, _HEAD)
        _until(lambda: door.outcomes)
    assert ended == ["cancelled"]
    assert door.outcomes[0].code == "ClientGone"


def test_a_client_that_leaves_closes_the_stream_it_was_reading() -> None:
    ended: list[str] = []

    async def answer(_: Call, __: Parameters) -> Parameters:
        async def events() -> AsyncIterator[Parameters]:
            try:
                for _ in range(1000):
                    yield {"output": {"text": "more"}}
                    await asyncio.sleep(0.05)
            finally:
                ended.append("closed")

        return {"stream": events(), "sessionId": "s"}

    operations = serving(bedrock_agent_runtime__RetrieveAndGenerateStream=answer)
    with running(operations) as door:
        head = _HEAD.replace(b"/knowledgebases/ABCDEFGHIJ/retrieve", b"/retrieveAndGenerateStream")
        body = b'{"input": {"text": "q"}}'
        with socket.create_connection(("127.0.0.1", door.port), 10) as line:
            line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert b"200 OK" in line.recv(4096)
        _until(lambda: door.outcomes)
    assert ended == ["closed"]
    assert door.outcomes[0].code == "ClientGone"
