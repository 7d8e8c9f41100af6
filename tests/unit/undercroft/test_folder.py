"""The data folder is its user's alone, and what is wrong with it is told in one line."""

import errno
import stat
from pathlib import Path

import pytest

from kit import disk
from kit.errors import InvalidRequest, StorageFull, Unavailable
from undercroft import embedded
from undercroft.embedded import Embedded, Folder


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    Folder(tmp_path / "new").claim()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Folder(tmp_path).claim()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("number", "leaf"), [(errno.ENOSPC, StorageFull), (errno.EROFS, InvalidRequest)]
)
def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, number: int, leaf: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(embedded, "TemporaryFile", refuse)
    with pytest.raises(leaf):
        Folder(tmp_path).claim()


async def test_a_platform_without_room_on_its_disk_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Embedded(Folder(tmp_path))
    async with platform._lifespan():
        await platform._ready()
        monkeypatch.setattr(disk, "RESERVE", 1 << 60)
        with pytest.raises(Unavailable, match="nearly full"):
            await platform._ready()
