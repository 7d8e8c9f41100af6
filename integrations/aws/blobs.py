"""Blobs as objects of a real S3 bucket, under one prefix."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, ParamSpec, TypeVar
from uuid import UUID, uuid4

from botocore.exceptions import BotoCoreError, ClientError

from kit.errors import Unavailable, UpstreamFailed
from kit.objects.checksums import Digests
from kit.objects.errors import BlobMissing
from kit.objects.ports import BLOB, PIECE, ByteStream

P = ParamSpec("P")
T = TypeVar("T")
_PART = 8 << 20
"""A writer holds at most about this many bytes, so 10,000 parts reach past 5 GiB by far."""


class S3Blobs:
    """Give the bucket a lifecycle rule that aborts incomplete uploads: a crash can leave some."""

    def __init__(self, client: Any, bucket: str, prefix: str, *, threads: int = 8) -> None:
        """`client` is boto3's, with the credentials of a role for this bucket alone."""
        self.client, self.bucket = client, bucket
        self._prefix = f"{prefix.strip('/')}/"
        self._threads = ThreadPoolExecutor(threads, "s3-blobs")

    async def writer(self, digests: Digests) -> "_Writer":
        return _Writer(self, digests)

    async def open(self, blob: str, start: int, length: int) -> ByteStream:
        return await self.run(self._open, self.key(blob), start, length)

    async def delete(self, blob: str) -> None:
        await self.run(self.client.delete_object, Bucket=self.bucket, Key=self.key(blob))

    async def free_bytes(self) -> int:
        return sys.maxsize

    async def check(self) -> None:
        try:
            await self.run(self.client.head_bucket, Bucket=self.bucket)
        except BlobMissing as error:
            raise Unavailable(
                f"The object storage has no bucket {self.bucket}; make it, or name another."
            ) from error
        except UpstreamFailed as error:
            raise Unavailable(error.message) from error

    async def older_than(self, seconds: float) -> AsyncIterator[str]:
        before = datetime.now(UTC) - timedelta(seconds=seconds)
        listing = self.client.get_paginator("list_objects_v2")
        pages = iter(listing.paginate(Bucket=self.bucket, Prefix=self._prefix))
        while page := await self.run(next, pages, None):
            for item in page.get("Contents", ()):
                name = item["Key"].removeprefix(self._prefix)
                if item["LastModified"] < before and BLOB.fullmatch(name):
                    yield name

    def close(self) -> None:
        """Waits for the requests under way; the client is its owner's to close."""
        self._threads.shutdown()

    def key(self, blob: str) -> str:
        return f"{self._prefix}{UUID(blob)}"

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def call() -> T:
            with _translated():
                return work(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _open(self, key: str, start: int, length: int) -> "_Reader":
        span = f"bytes={start}-{start + length - 1}"
        named = {"Bucket": self.bucket, "Key": key}
        if length:
            return _Reader(self, self.client.get_object(**named, Range=span)["Body"])
        self.client.head_object(**named)
        return _Reader(self, None)


class _Writer:
    """Sends parts as they fill; an object that fits in one is put whole."""

    def __init__(self, blobs: S3Blobs, digests: Digests) -> None:
        self._blobs, self._digests = blobs, digests
        self._blob = str(uuid4())
        self._named = {"Bucket": blobs.bucket, "Key": blobs.key(self._blob)}
        self._upload = ""
        self._parts: list[dict[str, Any]] = []
        self._held = bytearray()
        self._done = False
        self._lock = Lock()  # a cancelled write may still be under way when `discard` comes

    async def write(self, pieces: Sequence[bytes]) -> None:
        await self._blobs.run(self._write, pieces)

    async def commit(self) -> str:
        await self._blobs.run(self._commit)
        return self._blob

    async def discard(self) -> None:
        await self._blobs.run(self._abort)

    def _write(self, pieces: Sequence[bytes]) -> None:
        with self._lock:
            for piece in pieces:
                self._digests.update(piece)
                self._held += piece
                if len(self._held) >= _PART and not self._done:
                    self._send_part()

    def _send_part(self) -> None:
        client = self._blobs.client
        if not self._upload:
            self._upload = client.create_multipart_upload(**self._named)["UploadId"]
        number = len(self._parts) + 1
        sent = client.upload_part(
            **self._named, UploadId=self._upload, PartNumber=number, Body=bytes(self._held)
        )
        checksums = {name: text for name, text in sent.items() if name.startswith("Checksum")}
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"], **checksums})
        self._held.clear()

    def _commit(self) -> None:
        with self._lock:
            if not self._upload:
                self._blobs.client.put_object(**self._named, Body=bytes(self._held))
            else:
                if self._held:
                    self._send_part()
                self._blobs.client.complete_multipart_upload(
                    **self._named, UploadId=self._upload, MultipartUpload={"Parts": self._parts}
                )
            self._done = True

    def _abort(self) -> None:
        with self._lock:
            if self._upload and not self._done:
                self._blobs.client.abort_multipart_upload(**self._named, UploadId=self._upload)
            self._done = True


class _Reader:
    """The body of one GetObject."""

    def __init__(self, blobs: S3Blobs, body: Any) -> None:
        self._blobs, self._body = blobs, body

    def __aiter__(self) -> "_Reader":
        return self

    async def __anext__(self) -> bytes:
        if self._body is None:
            raise StopAsyncIteration
        piece: bytes = await self._blobs.run(self._body.read, PIECE)
        if not piece:
            await self.aclose()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Makes boto3's failures leaves of the platform's tree."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("NoSuchKey", "404"):
            raise BlobMissing(code) from error
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (429, 503):
            raise Unavailable("The object storage is busy.", retry_after=1) from error
        raise UpstreamFailed(f"The object storage answered {code}.") from error
    except BotoCoreError as error:
        raise Unavailable("The object storage does not answer.", retry_after=1) from error
