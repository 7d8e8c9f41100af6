"""Opens the store of objects' bytes that a process's settings name."""

from contextlib import AsyncExitStack
from pathlib import Path

from integrations.local.blobs import LocalBlobs
from kit.objects.ports import Blobs
from kit.settings import ObjectsSettings


def open_blobs(settings: ObjectsSettings, closing: AsyncExitStack) -> Blobs:
    """`closing` closes it. What is wrong with an S3 is told by the store's `check`."""
    if not settings.objects.startswith("s3://"):
        local = LocalBlobs(Path(settings.objects))
        closing.callback(local.close)
        return local
    # 40 MiB and half a second that a process on a shared folder has no use for.
    from integrations.aws.blobs import S3Blobs  # noqa: PLC0415
    from integrations.aws.client import open_s3  # noqa: PLC0415

    bucket, _, prefix = settings.objects.removeprefix("s3://").partition("/")
    client = open_s3(settings)
    closing.callback(client.close)
    remote = S3Blobs(client, bucket, prefix)
    closing.callback(remote.close)
    return remote
