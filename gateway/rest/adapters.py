"""A tenant's LoRA adapters: registered, named, granted to others, deleted."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.datastructures import UploadFile

from contracts.contract import Contract
from contracts.generation import adapters as a
from contracts.generation.requests import ModelName
from gateway.rest.caller import Caller, Platform
from kit.errors import InvalidRequest

router = APIRouter(prefix="/adapters", tags=["adapters"])

_HEX = "^[0-9a-f]{64}$"
_NAME = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
Digest = Annotated[str, Path(pattern=_HEX, examples=["0" * 64])]
Name = Annotated[str, Path(pattern=_NAME, examples=["support"])]
Account = Annotated[str, Path(pattern="^[0-9]{12}$", examples=["111122223333"])]
NameQuery = Annotated[str | None, Query(pattern=_NAME)]
_PIECE = 1 << 20
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


class Add(Contract):
    """`base` is the model that it changes; `member` picks one of an archive's adapters."""

    source: a.ClientSource
    base: ModelName
    name: a.AdapterName | None = None
    member: a.AdapterName | None = None


class Target(Contract):
    digest: a.Digest


class Back(Contract):
    """To what the alias led to before its last move, or at a version of its history."""

    version: Annotated[int, Field(ge=1)] | None = None


@router.get("")
async def list_adapters(who: Caller, platform: Platform) -> a.Adapters:
    """One's own, and those that others grant; the newest first."""
    return a.Adapters(items=await platform.adapters.list(who))


@router.post("", status_code=202)
async def add_adapter(who: Caller, platform: Platform, ask: Add) -> a.Adapter:
    """Registers an adapter of a bucket, an allowed folder or the hub; its `job` checks it."""
    return await platform.adapters.add(who, a.AddAdapter(**dict(ask)))


@router.post("/upload", status_code=202, openapi_extra=_UPLOAD)
async def upload_adapter(
    who: Caller,
    platform: Platform,
    request: Request,
    base: Annotated[str, Query(min_length=1, max_length=2048)],
    name: NameQuery = None,
    member: NameQuery = None,
) -> a.Adapter:
    """Takes a .tar.gz, .tar or .zip as the body, or as the part `file` of a form."""
    await platform.adapters.check(who, a.Upload(base=base, name=name))
    staged = await platform.objects.staging.put(_body(request))
    try:
        source = a.StagedSource(blob=staged.blob, size=staged.size)
        ask = a.AddAdapter(source=source, base=base, name=name, member=member)
        return await platform.adapters.add(who, ask)
    finally:
        await platform.objects.staging.discard(staged)


@router.get("/quota")
async def get_adapter_quota(who: Caller, platform: Platform) -> a.Quota:
    return await platform.adapters.quota(who)


@router.get("/aliases")
async def list_adapter_aliases(who: Caller, platform: Platform) -> a.Aliases:
    return await platform.adapters.aliases(who)


@router.put("/aliases/{name}")
async def put_adapter_alias(who: Caller, platform: Platform, name: Name, ask: Target) -> a.Alias:
    """Makes the name lead to a ready adapter; the next request follows."""
    return await platform.adapters.put_alias(who, a.PutAlias(name=name, digest=ask.digest))


@router.delete("/aliases/{name}", status_code=204)
async def delete_adapter_alias(who: Caller, platform: Platform, name: Name) -> None:
    await platform.adapters.delete_alias(who, a.AliasId(name=name))


@router.post("/aliases/{name}/rollback")
async def roll_back_adapter_alias(
    who: Caller, platform: Platform, name: Name, ask: Back
) -> a.Alias:
    return await platform.adapters.rollback(who, a.Rollback(name=name, version=ask.version))


@router.get("/aliases/{name}/history")
async def get_adapter_alias_history(who: Caller, platform: Platform, name: Name) -> a.Moves:
    """Everything that the name has led to; the newest first."""
    return await platform.adapters.history(who, a.AliasId(name=name))


@router.get("/{digest}")
async def get_adapter(who: Caller, platform: Platform, digest: Digest) -> a.Adapter:
    return await platform.adapters.get(who, digest)


@router.delete("/{digest}", status_code=204)
async def delete_adapter(who: Caller, platform: Platform, digest: Digest) -> None:
    """With every name that leads to it, and its grants."""
    await platform.adapters.delete(who, digest)


@router.put("/{digest}/pin")
async def pin_adapter(who: Caller, platform: Platform, digest: Digest) -> a.Adapter:
    """Keeps it loaded on every server of its base, so that no request waits for a load."""
    return await platform.adapters.pin(who, digest)


@router.delete("/{digest}/pin")
async def unpin_adapter(who: Caller, platform: Platform, digest: Digest) -> a.Adapter:
    return await platform.adapters.unpin(who, digest)


@router.get("/{digest}/grants")
async def list_adapter_grants(who: Caller, platform: Platform, digest: Digest) -> a.Grants:
    return await platform.adapters.grants(who, digest)


@router.put("/{digest}/grants/{account}")
async def grant_adapter(
    who: Caller, platform: Platform, digest: Digest, account: Account
) -> a.Grants:
    """Lets the tenant with that account number use it, by its digest or names of its own."""
    return await platform.adapters.grant(who, a.Grant(digest=digest, account=account))


@router.delete("/{digest}/grants/{account}")
async def revoke_adapter(
    who: Caller, platform: Platform, digest: Digest, account: Account
) -> a.Grants:
    return await platform.adapters.revoke(who, a.Grant(digest=digest, account=account))


async def _body(request: Request) -> AsyncIterator[bytes]:
    """The archive's bytes as they come; a form's part is on the disk before it is read."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        async for piece in request.stream():
            if piece:
                yield piece
        return
    async with request.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest("Send the archive as the part `file`.", param="file")
        while piece := await file.read(_PIECE):
            yield piece
