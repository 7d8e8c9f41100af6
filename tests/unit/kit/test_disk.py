"""What is wrong with a disk is told in words that say what to do."""

import errno
from pathlib import Path

import pytest
from sqlalchemy import Connection

from kit import disk
from kit.auth.audit_heads import HeadsFile
from kit.database import Database
from kit.disk import check_room, usable
from kit.errors import InvalidRequest, PlatformError, StorageFull, Unavailable


def test_a_disk_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path)
    monkeypatch.setattr(disk, "RESERVE", 1 << 60)
    with pytest.raises(Unavailable, match="nearly full"):
        check_room(tmp_path)


@pytest.mark.parametrize(
    ("number", "leaf", "words"),
    [
        (errno.ENOSPC, StorageFull, "is full"),
        (errno.EDQUOT, StorageFull, "is full"),
        (errno.EROFS, InvalidRequest, "is read-only"),
        (errno.EACCES, InvalidRequest, "is read-only"),
    ],
)
def test_what_hinders_a_folder_is_named(
    tmp_path: Path, number: int, leaf: type[PlatformError], words: str
) -> None:
    with pytest.raises(leaf, match=words) as raised, usable(tmp_path):
        raise OSError(number, "no")
    assert str(tmp_path) in raised.value.message


def test_other_failures_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), usable(tmp_path):
        tmp_path.read_bytes()


def test_heads_that_find_no_room_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path}/one.db")
    database.create_tables()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kit.auth.audit_heads.os.fsync", full)
    with pytest.raises(StorageFull):
        database.read_now(HeadsFile(tmp_path / "heads", b"k").publish)
    database.close()


def test_a_database_that_cannot_be_written_says_that_its_folder_is_read_only(
    tmp_path: Path,
) -> None:
    def write(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.exec_driver_sql("CREATE TABLE t (a)")

    database = Database(f"sqlite:///{tmp_path}/one.db")
    with pytest.raises(Unavailable, match="read-only"):
        database.write_now(write)
    database.close()
