"""Every secret key of the platform, derived from one master secret in one file."""

import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from kit.errors import Internal, InvalidRequest, NotFound

MASTER_BYTES = 32
_NONCE_BYTES = 12


class Keyring:
    """Keys of 32 bytes by purpose; none of them can be computed from another."""

    def __init__(self, master: bytes) -> None:
        if len(master) < MASTER_BYTES:
            raise ValueError(f"The master secret needs at least {MASTER_BYTES} bytes.")
        self.pepper = _derive(master, "pepper")
        self.audit = _derive(master, "audit")
        self.internal = _derive(master, "internal")
        self._sealer = AESGCM(_derive(master, "sealing"))

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Reads the master secret: hex of at least 32 bytes. Raises NotFound, InvalidRequest."""
        try:
            return cls(bytes.fromhex(path.read_text("ascii").strip()))
        except FileNotFoundError:
            raise NotFound(
                f"There is no master secret at {path}; `undercroft secrets FOLDER` makes one."
            ) from None
        except OSError as error:
            raise InvalidRequest(
                f"The master secret at {path} cannot be read: {error.strerror}."
            ) from error
        except ValueError:
            raise InvalidRequest(
                f"{path} holds no master secret: it must be hex of at least {MASTER_BYTES} bytes."
            ) from None  # the cause may show a part of what is there

    @classmethod
    def load_or_create(cls, path: Path) -> "Keyring":
        """As `load`, but makes the file (mode 600) when it is missing; safe against a race."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        if not path.exists():
            try:
                _write_private(draft, secrets.token_hex(MASTER_BYTES))
                os.link(draft, path)  # never replaces: the first of two starters wins
            except FileExistsError:
                pass
            finally:
                draft.unlink(missing_ok=True)
        return cls.load(path)

    def bearer_hash(self, token: str) -> str:
        """HMAC-SHA256 under the pepper, in hex: what is stored of a bearer key, and its index."""
        return hmac.digest(self.pepper, token.encode("utf-8", "replace"), "sha256").hex()

    def seal(self, secret: str, context: str) -> bytes:
        """AES-GCM; opens only with the same `context`, so rows cannot be exchanged."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._sealer.encrypt(nonce, secret.encode(), context.encode())

    def unseal(self, sealed: bytes, context: str) -> str:
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._sealer.decrypt(nonce, body, context.encode()).decode()
        except InvalidTag as error:
            raise Internal("A stored key does not open with this master secret.") from error

    @override
    def __repr__(self) -> str:
        return "Keyring(<redacted>)"


def _derive(master: bytes, purpose: str) -> bytes:
    info = f"undercroft/{purpose}/1".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
