"""The heads of all audit chains, signed, in a file outside of the database: shows a cut tail."""

import fcntl
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from sqlalchemy import Connection

from kit.auth.audit_chain import Head, read_heads, still_there
from kit.disk import usable
from kit.errors import Internal


class HeadsFile:
    """One line of JSON a tenant. Keep it on another volume than the database."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._key = path, key

    def read(self) -> dict[str, Head]:
        """Heads by tenant. Raises Internal for a line whose signature is not ours."""
        if not self._path.exists():
            return {}
        heads = {}
        for line in self._path.read_bytes().splitlines():
            try:
                tenant, seq, link, mac = orjson.loads(line)
                head = Head(tenant, seq, bytes.fromhex(link))
                good = hmac.compare_digest(self._mac(head), bytes.fromhex(mac))
            except (ValueError, TypeError):
                good = False
            if not good:
                raise Internal(f"The published audit heads in {self._path.name} were altered.")
            heads[tenant] = head
        return heads

    def publish(self, connection: Connection) -> list[str]:
        """Moves the heads forward; returns the tenants whose published entry is gone.

        For those the old head stays, for it is the evidence. Raises StorageFull, InvalidRequest.
        """
        with usable(self._path.parent), self._locked():
            published, current = self.read(), read_heads(connection)
            kept = still_there(connection, list(published.values()))
            gone = sorted(published.keys() - kept)
            self._write(current | {tenant: published[tenant] for tenant in gone})
        return gone

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two processes must not undo each other
            yield

    def _write(self, heads: dict[str, Head]) -> None:
        lines = [
            orjson.dumps([head.tenant, head.seq, head.hash.hex(), self._mac(head).hex()]) + b"\n"
            for _, head in sorted(heads.items())
        ]
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with draft.open("wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def _mac(self, head: Head) -> bytes:
        text = orjson.dumps([head.tenant, head.seq, head.hash.hex()])
        return hmac.digest(self._key, b"undercroft/audit-head/" + text, "sha256")
