"""How much memory there is and is left: of the machine, and of the container around it."""

from pathlib import Path

import pytest

from kit.memory import available, total


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  100 kB\nMemAvailable:  40 kB\nHugePages_Total:  0\n")
    return file


def test_it_is_what_the_machine_has_left(machine: Path, tmp_path: Path) -> None:
    assert available(machine, tmp_path) == 40 << 10
    assert available() > 0


@pytest.mark.parametrize(("limit", "left"), [("30000", 20_000), ("max", 40 << 10), ("5000", 0)])
def test_a_container_may_have_less_and_gives_its_cached_files_up(
    machine: Path, tmp_path: Path, limit: str, left: int
) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text("16000\n")
    (tmp_path / "memory.stat").write_text("anon 10000\ninactive_file 6000\n")
    assert available(machine, tmp_path) == left


@pytest.mark.parametrize(
    ("limit", "whole"), [("30000", 30_000), ("max", 100 << 10), ("999999", 100 << 10)]
)
def test_a_container_may_have_less_in_all(
    machine: Path, tmp_path: Path, limit: str, whole: int
) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    assert total(machine, tmp_path) == whole
