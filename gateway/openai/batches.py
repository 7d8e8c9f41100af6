"""/batches: many requests in a file, answered in the background into another."""

from typing import Annotated, Any, Literal

from pydantic import Field
from uuid_utils import uuid4

from dialects.body import read_body
from dialects.openai.body import Body, read
from gateway.openai.call import Call, json_response, page
from gateway.openai.files import expiry
from gateway.response import Response
from kit.auth.scopes import require
from kit.batches.records import NewBatch, Seen
from kit.errors import InvalidRequest

WIRE = "openai"
OPERATIONS = {
    "/v1/chat/completions": "openai:CreateChatCompletion",
    "/v1/completions": "openai:CreateCompletion",
    "/v1/embeddings": "openai:CreateEmbeddings",
}
"""What a key must be allowed to do for the lines of a batch, by its endpoint."""
_DAY = 86_400.0
_STATUSES = {"queued": "validating", "running": "in_progress"}


class ExpiresAfter(Body):
    anchor: str
    seconds: int


class BatchBody(Body):
    input_file_id: Annotated[str, Field(min_length=1, max_length=128)]
    endpoint: Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
    completion_window: Literal["24h"]
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] = (
        Field(default_factory=dict, max_length=16)
    )
    output_expires_after: ExpiresAfter | None = None


async def create_batch(call: Call) -> Response:
    """Raises PermissionDenied where the key may not ask for what the lines ask for."""
    body = read(BatchBody, read_body(call.body))
    who = call.principal
    require(who.scopes, OPERATIONS[body.endpoint])
    file = await call.backends.files.get(who.tenant, body.input_file_id)
    if file.purpose != "batch":
        raise InvalidRequest(
            f"input_file_id: the file's purpose is {file.purpose!r}; upload it with `batch`.",
            param="input_file_id",
        )
    after = body.output_expires_after
    asked = {
        "input_file_id": file.id,
        "endpoint": body.endpoint,
        "metadata": body.metadata or None,
        "outputs_live": None if after is None else expiry(after.anchor, after.seconds),
    }
    new = NewBatch(WIRE, f"batch_{uuid4().hex}", "", asked, who.account, who.key, _DAY)
    token = call.headers.get("idempotency-key")
    return json_response(_batch(await call.backends.batches.create(who.tenant, new, token=token)))


async def get_batch(call: Call) -> Response:
    found = await call.backends.batches.get(call.principal.tenant, WIRE, call.argument)
    return json_response(_batch(found))


async def list_batches(call: Call) -> Response:
    batches, tenant = call.backends.batches, call.principal.tenant
    limit = call.integer("limit", 20, most=100)
    after = call.query.get("after")
    behind = (await batches.get(tenant, WIRE, after)).batch.job if after else None
    found = await batches.page(tenant, WIRE, after=behind, limit=limit + 1)
    return page([_batch(one) for one in found[:limit]], has_more=len(found) > limit)


async def cancel_batch(call: Call) -> Response:
    """The outputs that there are by then are kept. Raises Conflict once it has ended."""
    found = await call.backends.batches.cancel(call.principal.tenant, WIRE, call.argument)
    return json_response(_batch(found))


def _batch(seen: Seen) -> dict[str, Any]:
    batch, status = seen.batch, seen.status
    errors = batch.told.get("errors")
    if seen.failure is not None:
        errors = [{"code": "batch_failed", "message": seen.failure, "param": None, "line": None}]
    ended = _seconds(seen.ended_at)
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.asked["endpoint"],
        "input_file_id": batch.asked["input_file_id"],
        "completion_window": "24h",
        "metadata": batch.asked["metadata"],
        "status": _STATUSES.get(status, status),
        "errors": {"object": "list", "data": errors} if errors else None,
        "output_file_id": batch.told.get("output_file_id"),
        "error_file_id": batch.told.get("error_file_id"),
        "created_at": int(batch.created_at),
        "expires_at": int(batch.expires_at),
        "in_progress_at": _seconds(batch.begun_at),
        "finalizing_at": _seconds(batch.finalizing_at),
        "cancelling_at": _seconds(batch.cancelling_at),
        **{f"{one}_at": ended if status == one else None for one in _ENDS},
        "request_counts": {
            "total": batch.total or 0,
            "completed": batch.succeeded,
            "failed": batch.failed,
        },
        "usage": _usage(batch.tokens_in, batch.tokens_out),
    }


_ENDS = ("completed", "failed", "expired", "cancelled")


def _usage(tokens_in: int, tokens_out: int) -> dict[str, Any]:
    """Of answers with status 200; the details are members that the openai package requires."""
    return {
        "input_tokens": tokens_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens_in + tokens_out,
    }


def _seconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment)
