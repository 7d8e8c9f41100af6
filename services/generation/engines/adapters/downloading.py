"""The child process that asks the Hugging Face hub for two files of a repository."""

from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    """`{"folder": path}`, or `{"offline": true}`. Raises ValueError for what is not there."""
    try:
        folder = snapshot_download(
            ask["repository"],
            revision=ask["revision"],
            allow_patterns=ask["files"],
            cache_dir=ask["cache"],
            token=False,
        )
    except (RepositoryNotFoundError, RevisionNotFoundError, GatedRepoError) as error:
        raise ValueError(f"the hub has no public {ask['repository']}@{ask['revision']}") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, OSError):
        return {"offline": True}
    return {"folder": folder}
