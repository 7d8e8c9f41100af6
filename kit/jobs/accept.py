"""Accepting a job: after this transaction's COMMIT the job is never lost."""

import hashlib
import json

from sqlalchemy import Connection, bindparam, select

from kit.database import db_now, insert_or_ignore
from kit.errors import Conflict, InvalidRequest
from kit.identifiers import row_id
from kit.jobs.events import append_event
from kit.jobs.failpoints import failpoint
from kit.jobs.job import COLUMNS, Job, job_of
from kit.jobs.ports import JsonObject
from kit.jobs.tables import jobs

MAX_INPUT_BYTES = 256 * 1024
"""Larger payloads belong in the object store; the input names them."""

_BY_KEY = select(*COLUMNS, jobs.c.req_hash).where(
    jobs.c.tenant == bindparam("tenant"), jobs.c.idem_key == bindparam("idem_key")
)


def accept_job(
    connection: Connection,
    *,
    tenant: str,
    kind: str,
    input: JsonObject,
    idem_key: str | None = None,
    priority: int = 0,
    max_attempts: int = 5,
    delay: float = 0.0,
) -> Job:
    """Inserts a job, or returns the one that the same request with the same key made before.

    Call it inside a transaction of your own to accept a job together with your rows. `delay`, in
    seconds, is the earliest start. Raises Conflict when the key came with another request.
    """
    req_hash = _request_hash(kind, input, priority, max_attempts)
    new_id = row_id()
    values = {
        "id": new_id,
        "tenant": tenant,
        "kind": kind,
        "idem_key": idem_key or new_id,
        "req_hash": req_hash,
        "state": "queued",
        "priority": priority,
        "max_attempts": max_attempts,
        "run_at": db_now() + delay,
        "input": input,
        "created_at": db_now(),
    }
    inserted = connection.execute(insert_or_ignore(connection, jobs).values(values)).rowcount == 1
    if inserted:
        append_event(connection, new_id, tenant, "accepted", kind=kind)
    row = connection.execute(_BY_KEY, {"tenant": tenant, "idem_key": values["idem_key"]}).one()
    if row.req_hash != req_hash:
        raise Conflict(
            "This idempotency key came before with a different request; use a new key.",
            param="idempotency_key",
        )
    failpoint("accept.before_commit")
    return job_of(row)


def _request_hash(kind: str, input: JsonObject, priority: int, max_attempts: int) -> str:
    try:
        request = json.dumps(
            [kind, input, priority, max_attempts], sort_keys=True, allow_nan=False
        ).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequest("A job's input must be plain JSON.", param="input") from error
    if len(request) > MAX_INPUT_BYTES:
        raise InvalidRequest(
            f"A job's input may have {MAX_INPUT_BYTES} bytes; store it and name it instead.",
            param="input",
        )
    return hashlib.sha256(request).hexdigest()
