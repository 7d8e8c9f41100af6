"""/files: what a tenant hands over for batches and other work, and what batches give back."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from gateway.openai.call import Call, json_response, page
from gateway.openai.multipart import UploadForm
from gateway.response import Response, header_value
from kit.errors import InvalidRequest
from kit.files.rows import Facts, File
from kit.objects.records import Reading

_MOST_BYTES = 512 * 2**20
_PURPOSES = ("batch", "assistants", "fine-tune", "vision", "user_data", "evals")
_SOONEST, _LATEST = 3600, 30 * 86_400
_BATCH_LIFE = float(_LATEST)  # seconds: what OpenAI gives to batches' inputs
_MOST_NAME = 512


async def create_file(call: Call) -> Response:
    form = UploadForm(call.headers.get("content-type", ""), call.stream, most=_MOST_BYTES)
    files = call.backends.files
    made = await files.add(call.principal.tenant, form.file(), partial(_facts, form))
    return json_response(file_object(made))


async def list_files(call: Call) -> Response:
    limit = call.integer("limit", 10_000, most=10_000)
    found = await call.backends.files.page(
        call.principal.tenant,
        purpose=call.query.get("purpose"),
        after=call.query.get("after"),
        limit=limit + 1,
        newest_first=call.choice("order", ("desc", "asc")) == "desc",
    )
    return page([file_object(file) for file in found[:limit]], has_more=len(found) > limit)


async def get_file(call: Call) -> Response:
    return json_response(
        file_object(await call.backends.files.get(call.principal.tenant, call.argument))
    )


async def get_file_content(call: Call) -> Response:
    files, tenant = call.backends.files, call.principal.tenant
    file = await files.get(tenant, call.argument)
    reading = await files.open(tenant, call.argument)
    named = file.filename.replace("\\", "_").replace('"', "_")
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", str(reading.info.size).encode()),
        (b"content-disposition", b'attachment; filename="%s"' % header_value(named)),
    ]
    return Response(200, headers, _bytes(reading))


async def _bytes(reading: Reading) -> AsyncGenerator[bytes, None]:
    async with aclosing(reading.chunks):
        async for piece in reading.chunks:
            yield piece


async def delete_file(call: Call) -> Response:
    await call.backends.files.delete(call.principal.tenant, call.argument)
    return json_response({"id": call.argument, "object": "file", "deleted": True})


def file_object(file: File) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def _facts(form: UploadForm) -> Facts:
    """Raises InvalidRequest that names the field."""
    purpose = form.fields.pop("purpose", None)
    if purpose not in _PURPOSES:
        raise InvalidRequest(f"purpose must be one of {', '.join(_PURPOSES)}.", param="purpose")
    if purpose == "batch" and not form.size:
        raise InvalidRequest("The file is empty; a batch needs a request to run.", param="file")
    anchor = form.fields.pop("expires_after[anchor]", None)
    seconds = form.fields.pop("expires_after[seconds]", None)
    if form.fields:
        name = next(iter(form.fields))
        raise InvalidRequest(f"{name} is not served; leave it out.", param=name)
    life = _BATCH_LIFE if purpose == "batch" else None
    if anchor is not None or seconds is not None:
        life = expiry(anchor, seconds)
    return Facts((form.filename or "upload")[:_MOST_NAME], purpose, life)


def expiry(anchor: object, seconds: object) -> float:
    """Of an `expires_after`, whose seconds may be digits of a form. Raises InvalidRequest."""
    if anchor != "created_at":
        raise InvalidRequest(
            "expires_after: the anchor must be `created_at`.", param="expires_after.anchor"
        )
    text = str(seconds)
    if not text.isascii() or not text.isdigit() or not _SOONEST <= int(text[:9]) <= _LATEST:
        raise InvalidRequest(
            f"expires_after: give {_SOONEST} to {_LATEST} seconds.", param="expires_after.seconds"
        )
    return float(text)
