"""Settings name a folder or an S3, and that one is opened."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from integrations.aws.blobs import S3Blobs
from integrations.blobs import open_blobs
from integrations.local.blobs import LocalBlobs
from kit.errors import InvalidRequest
from kit.settings import ObjectsSettings, settings_of


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJECTS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("OBJECTS_SECRET_ACCESS_KEY", "secret")


async def opened(**settings: object) -> LocalBlobs | S3Blobs:
    async with AsyncExitStack() as closing:
        blobs = open_blobs(ObjectsSettings(**settings), closing)
    assert isinstance(blobs, LocalBlobs | S3Blobs)
    return blobs


async def test_a_folder_is_a_folder(tmp_path: Path) -> None:
    assert isinstance(await opened(objects=str(tmp_path / "objects")), LocalBlobs)
    assert (tmp_path / "objects" / "incoming").is_dir()


async def test_a_uri_is_a_bucket_and_a_prefix() -> None:
    blobs = await opened(objects="s3://bytes/of/ours/")
    assert isinstance(blobs, S3Blobs)
    assert blobs.bucket == "bytes"
    blob = "59a66e0c-0e17-4d1c-9bb7-3f4c6f9a3c55"
    assert blobs.key(blob) == f"of/ours/{blob}"


async def test_the_variables_of_this_platforms_clients_do_not_lead_it_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8000")
    blobs = await opened(objects="s3://bytes/ours", objects_region="eu-central-1")
    assert isinstance(blobs, S3Blobs)
    assert blobs.client.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"


async def test_the_endpoint_that_is_set_counts() -> None:
    blobs = await opened(objects="s3://bytes/ours", objects_endpoint="http://minio:9000")
    assert isinstance(blobs, S3Blobs)
    assert blobs.client.meta.endpoint_url.rstrip("/") == "http://minio:9000"


@pytest.mark.parametrize("place", ["s3://", "s3://bucket", "s3://bucket/", "s3:/x/y", "s3://B/x"])
def test_a_place_that_leads_nowhere_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("OBJECTS", place)
    with pytest.raises(InvalidRequest, match=r"OBJECTS: .*s3://BUCKET/PREFIX"):
        settings_of(ObjectsSettings)


def test_half_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OBJECTS_SECRET_ACCESS_KEY")
    with pytest.raises(InvalidRequest, match="go together") as refused:
        settings_of(ObjectsSettings)
    assert "AKIA" not in refused.value.message
