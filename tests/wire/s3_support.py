"""Runs the AWS door with the object store behind it, and makes real clients for it."""

import datetime
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.aws.app import AwsDoor, Outcome
from gateway.aws.authentication import authentication
from gateway.aws.operations import (
    s3_buckets,
    s3_listing,
    s3_multipart,
    s3_objects,
    s3_post,
    s3_settings,
    s3_tagging,
)
from gateway.aws.registry import registered
from gateway.aws.signature.authenticate import Authenticator
from gateway.backends import Backends
from integrations.local.blobs import LocalBlobs
from kit.auth.principal import Principal
from kit.auth.scopes import FULL_ACCESS, Scope
from kit.database import Database
from kit.errors import Unauthenticated
from kit.objects.store import ObjectStore

MODULES = (s3_buckets, s3_listing, s3_multipart, s3_objects, s3_post, s3_settings, s3_tagging)
SECRET = "a-secret-for-tests"
ALICE, BOB, LIMITED = "AKIAALICE", "AKIABOB", "AKIALIMITED"


class TwoTenants:
    """Alice and Bob have a tenant each; the limited key is Alice's, for one prefix."""

    def __init__(self) -> None:
        prefix = Scope("s3:*", "arn:aws:s3:::scoped/mine/*")
        self._keys = {
            ALICE: Principal("alice", "111111111111", ALICE, (FULL_ACCESS,)),
            BOB: Principal("bob", "222222222222", BOB, (FULL_ACCESS,)),
            LIMITED: Principal("alice", "111111111111", LIMITED, (prefix,)),
        }

    async def by_bearer(self, token: str) -> Principal:
        raise Unauthenticated("No bearer keys here.")

    async def secret_of(self, access_key_id: str) -> tuple[str, Principal] | None:
        found = self._keys.get(access_key_id)
        return (SECRET, found) if found else None


@dataclass(frozen=True)
class S3Server:
    """A running door; `certificate` is the file to trust where it speaks TLS."""

    url: str
    folder: Path
    store: ObjectStore
    certificate: Path | None = None

    def client(self, key: str = ALICE, region: str = "us-east-1", **config: Any) -> Any:
        verify = str(self.certificate) if self.certificate else None
        return client_of(self.url, key, region_name=region, verify=verify, config=config)


async def _record_nothing(_: Outcome) -> None:
    """These tests are about objects."""


@contextmanager
def running(folder: Path, *, tls: bool = False) -> Iterator[S3Server]:
    database = Database(f"sqlite:///{folder}/s3.db")
    blobs = LocalBlobs(folder / "blobs")
    store = ObjectStore(database, blobs)
    database.create_tables()
    others: dict[str, Any] = {field.name: None for field in fields(Backends)}
    backends = Backends(**(others | {"database": database, "objects": store}))
    door = AwsDoor(
        backends,
        authenticate=authentication(Authenticator(TwoTenants())),
        admit=_admit_all,
        record=_record_nothing,
        operations={served.id: served for served in registered()},
    )
    certificate = certificate_file(folder) if tls else None
    files = {"ssl_certfile": certificate, "ssl_keyfile": certificate} if certificate else {}
    with _serving(door, **files) as port:
        scheme = "https" if tls else "http"
        yield S3Server(f"{scheme}://127.0.0.1:{port}", folder, store, certificate)
    blobs.close()
    database.close()


_SERVER = """
import sys
from pathlib import Path
from tests.wire.s3_support import running
with running(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def spawn(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A door in a process of its own and its URL; it ends when its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def client_of(url: str, key: str = ALICE, **settings: Any) -> Any:
    """A boto3 client that tries once, so that no retry hides a failure."""
    config = {"retries": {"max_attempts": 0, "mode": "standard"}} | settings.pop("config", {})
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=SECRET,
        config=Config(**config),
        **{"region_name": "us-east-1"} | settings,
    )


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _admit_all(_: Principal) -> None:
    return None


@contextmanager
def _serving(door: AwsDoor, **files: Any) -> Iterator[int]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(door, log_level="warning", lifespan="off", **files)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def certificate_file(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "undercroft test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
