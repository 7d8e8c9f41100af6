"""The real door under a real server, open to everyone, with operations of the test's own."""

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import uvicorn
from botocore.config import Config

from gateway.aws.app import AwsDoor, Outcome
from gateway.aws.authentication import Signed
from gateway.aws.protocol.identity import OperationId
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.registry import Handler, Operation
from gateway.aws.request import AwsRequest
from gateway.backends import Backends
from kit.auth.principal import Principal

PRINCIPAL = Principal(tenant="acme", account="123456789012", key="AKTEST")


async def everyone(request: AwsRequest, _: RoutedOperation) -> Signed:
    return Signed(PRINCIPAL, request.body)


async def unlimited(_: Principal) -> None:
    return None


def serving(**handlers: Handler) -> dict[OperationId, Operation]:
    """`bedrock_agent_runtime__Retrieve=handler`."""
    served = {}
    for key, handler in handlers.items():
        service, _, name = key.partition("__")
        identity = OperationId(service.replace("_", "-"), name)
        served[identity] = Operation(identity, handler, "", lambda _: "*")
    return served


@dataclass
class Running:
    """A door on a port, and how each of its requests ended."""

    port: int
    outcomes: list[Outcome] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return cast(Callable[..., Any], boto3.client)(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="AKTEST",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
        )

    async def record(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def send(self, raw: bytes) -> bytes:
        """One request as bytes on a socket of its own; the answer until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as line:
            line.sendall(raw)
            return b"".join(iter(lambda: line.recv(65536), b""))


@contextmanager
def running(operations: dict[OperationId, Operation], **options: Any) -> Iterator[Running]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        state = Running(listener.getsockname()[1])
        door = AwsDoor(
            cast(Backends, None),
            authenticate=options.pop("authenticate", everyone),
            admit=options.pop("admit", unlimited),
            record=state.record,
            operations=operations,
            **options,
        )
        config = uvicorn.Config(door, log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        yield state
        server.should_exit = True
        thread.join(10)


async def parts(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
