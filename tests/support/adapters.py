"""Adapters as a tenant brings them: an archive in S3, registered over REST, awaited until ready."""

import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.platform import Credentials, Platform

ADAPTERS = "/api/v1/adapters"
READY_SECONDS = 240.0


def archive(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def files_of(folder: Path) -> dict[str, bytes]:
    names = ("adapter_config.json", "adapter_model.safetensors")
    return {name: (folder / name).read_bytes() for name in names}


def put_archive(platform: Platform, who: Credentials, name: str, data: bytes) -> str:
    """Its S3 URI, in a bucket of the tenant's own."""
    s3 = platform.boto3("s3", who)
    bucket = f"adapters-{who.access_key_id.lower()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=f"{name}.tar.gz", Body=data)
    return f"s3://{bucket}/{name}.tar.gz"


def register(
    platform: Platform, who: Credentials, base: str, name: str, data: bytes
) -> httpx.Response:
    uri = put_archive(platform, who, name, data)
    ask = {"source": {"type": "object", "uri": uri}, "base": base, "name": name}
    return httpx.post(platform.url + ADAPTERS, json=ask, headers=platform.rest(who), timeout=30)


def settled(platform: Platform, who: Credentials, digest: str) -> dict[str, Any]:
    """The adapter once it is ready or refused."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        reply = httpx.get(f"{platform.url}{ADAPTERS}/{digest}", headers=platform.rest(who))
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        if found["state"] != "checking":
            return found
        time.sleep(0.2)
    raise AssertionError(f"the adapter was not checked in time: {found}")


def add_adapter(
    platform: Platform, who: Credentials, base: str, name: str, folder: Path
) -> dict[str, Any]:
    """Registered from a folder of PEFT's, and ready."""
    return add_adapters(platform, who, base, {name: folder})[name]


def add_adapters(
    platform: Platform, who: Credentials, base: str, folders: Mapping[str, Path]
) -> dict[str, dict[str, Any]]:
    """By name; they are checked side by side."""
    digests = {}
    for name, folder in folders.items():
        reply = register(platform, who, base, name, archive(files_of(folder)))
        assert reply.is_success, reply.text
        digests[name] = reply.json()["digest"]
    found = {name: settled(platform, who, digest) for name, digest in digests.items()}
    assert {one["state"] for one in found.values()} == {"ready"}, found
    return found
