"""What the hub's child has downloaded is copied into a folder of ours."""

import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from kit.errors import InvalidRequest
from services.generation.engines.adapters import hub
from services.generation.engines.adapters.hub import OpenHub
from tests.unit.services.generation.adapters.making import adapter


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the child says that the two files are."""
    folder = tmp_path / "snapshot"
    folder.mkdir()
    for name, data in adapter().items():
        (folder / name).write_bytes(data)

    async def downloaded(*_: Any, **__: Any) -> dict[str, Any]:
        return {"folder": str(folder)}

    monkeypatch.setattr(hub, "run_confined", downloaded)
    return folder


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming" / "1"
    folder.mkdir(parents=True)
    return folder


async def test_gigabytes_are_copied_without_holding_the_loop_up(
    snapshot: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, copyfile = set[int](), shutil.copyfile

    def copied(source: Path, target: Path) -> None:
        threads.add(threading.get_ident())
        copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", copied)
    await OpenHub(Path(sys.executable)).fetch("somebody/es", "main", into)
    assert {file.name: file.read_bytes() for file in into.iterdir()} == adapter()
    assert threads
    assert threading.get_ident() not in threads


async def test_a_repository_without_weights_is_refused(snapshot: Path, into: Path) -> None:
    (snapshot / "adapter_model.safetensors").unlink()
    with pytest.raises(InvalidRequest, match=r"somebody/es has no adapter_model\.safetensors"):
        await OpenHub(Path(sys.executable)).fetch("somebody/es", "main", into)
