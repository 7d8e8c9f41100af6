"""Hostile archives: refused in words, and nothing of them is written outside of the folder."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from kit.errors import InvalidRequest
from services.generation.engines.adapters.examiner import ConfinedExaminer
from services.generation.engines.adapters.unpacking import answer
from tests.unit.services.generation.adapters.making import (
    CONFIG,
    WEIGHTS,
    adapter,
    archive,
    config,
    tar_gz,
)

GOOD = {f"adapters/es/{name}": data for name, data in adapter().items()}


def unpack(folder: Path, data: bytes) -> dict[str, dict[str, object]]:
    (folder / "archive").write_bytes(data)
    (folder / "files").mkdir()
    return answer({"archive": str(folder / "archive"), "into": str(folder / "files")})


def with_entry(kind: bytes, name: str = "adapters/es/extra", target: str = "") -> bytes:
    """A good archive with one entry more, of that type."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, data in GOOD.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        tar.addfile(info)
    return packed.getvalue()


def zipped(files: dict[str, bytes], *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as made:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            made.writestr(info, data)
    return packed.getvalue()


@pytest.mark.parametrize("pack", [tar_gz, zipped], ids=["tar.gz", "zip"])
def test_the_adapters_of_an_archive_are_found_by_the_names_of_their_folders(
    tmp_path: Path, pack: object
) -> None:
    both = {
        **GOOD,
        **{f"adapters/fr/{name}": data for name, data in adapter(seed=2).items()},
        "adapters/es/README.md": b"# Spanish",
        "adapters/es/tokenizer.json": b"{}",
        "adapters/es/training_args.bin": b"left by a trainer, never read",
    }
    found = unpack(tmp_path, pack(both))  # type: ignore[operator]

    assert set(found) == {"es", "fr"}
    written = {str(p.relative_to(tmp_path / "files")) for p in (tmp_path / "files").rglob("*.*")}
    assert written == {f"{name}/{file}" for name in ("es", "fr") for file in (CONFIG, WEIGHTS)}


def test_a_digest_depends_on_the_bytes_of_both_files_and_on_nothing_else(tmp_path: Path) -> None:
    def digest(name: str, data: bytes) -> object:
        (tmp_path / name).mkdir()
        return next(iter(unpack(tmp_path / name, data).values()))["digest"]

    first = digest("a", archive(("es", adapter())))
    assert digest("b", zipped(adapter())) == first
    changed = {**adapter(), CONFIG: config(lora_alpha=5)}
    assert digest("c", zipped(changed)) != first
    assert digest("d", zipped(adapter(seed=2))) != first


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param(with_entry(tarfile.SYMTYPE, target="/etc/passwd"), "link", id="symlink"),
        pytest.param(with_entry(tarfile.SYMTYPE, target="../.."), "link", id="symlink up"),
        pytest.param(
            with_entry(tarfile.SYMTYPE, "adapters/es2", "es"), "link", id="symlink to a folder"
        ),
        pytest.param(
            with_entry(tarfile.LNKTYPE, target="adapters/es/" + CONFIG), "link", id="hardlink"
        ),
        pytest.param(with_entry(tarfile.LNKTYPE, target="/etc/passwd"), "link", id="hardlink out"),
        pytest.param(with_entry(tarfile.CHRTYPE), "device", id="character device"),
        pytest.param(with_entry(tarfile.BLKTYPE), "device", id="block device"),
        pytest.param(with_entry(tarfile.FIFOTYPE), "device", id="pipe"),
        pytest.param(with_entry(tarfile.CONTTYPE), "special", id="contiguous"),
        pytest.param(with_entry(b"Z"), "special", id="unknown type"),
    ],
)
def test_an_entry_that_is_no_regular_file_is_refused(
    tmp_path: Path, entry: bytes, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(tmp_path, entry)
    assert not any((tmp_path / "files").rglob("*.*"))


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "adapters/../../evil",
        "adapters/es/../../../evil",
        "..",
        "/etc/cron.d/evil",
        "//evil",
        "C:/evil",
        "..\\evil",
        "adapters\\es\\evil",
        "a/\x07bell",
        "new\nline",
        "adapters/es/\u202egnp.exe",
        "a/" * 40 + "deep",
        "x" * 2000,
        "a/" + "y" * 300,
    ],
)
@pytest.mark.parametrize("pack", [tar_gz, zipped], ids=["tar.gz", "zip"])
def test_a_name_that_leaves_the_archive_or_misleads_is_refused(
    tmp_path: Path, pack: object, name: str
) -> None:
    with pytest.raises(ValueError, match="member"):
        unpack(tmp_path, pack({**GOOD, name: b"evil"}))  # type: ignore[operator]
    assert not any((tmp_path / "files").rglob("*.*"))


def test_a_nul_byte_in_a_zip_entrys_name_is_refused(tmp_path: Path) -> None:
    data = zipped({**GOOD, "adapters/es/eviNul": b"evil"}).replace(b"eviNul", b"evi\0ul")
    with pytest.raises(ValueError, match="character"):
        unpack(tmp_path, data)


def test_a_symlink_in_a_zip_is_refused(tmp_path: Path) -> None:
    link = zipped({"adapters/es/" + CONFIG: b"/etc/passwd"}, mode=0o120777)
    with pytest.raises(ValueError, match="link"):
        unpack(tmp_path, link)


def test_a_bomb_is_left_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="100 times"):
        unpack(tmp_path, tar_gz({**GOOD, "adapters/es/zeros": bytes(300 << 20)}))


def test_a_zip_bomb_is_refused_by_what_it_says_of_itself(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="100 times"):
        unpack(tmp_path, zipped({**GOOD, "adapters/es/zeros": bytes(50 << 20)}))


def test_a_zip_entry_that_understates_its_size_is_refused(tmp_path: Path) -> None:
    data = zipped({f"es/{CONFIG}": config(), f"es/{WEIGHTS}": bytes(4000)})
    lie = data.replace((4000).to_bytes(4, "little"), (40).to_bytes(4, "little"))
    with pytest.raises(ValueError, match=r"broken|more than"):
        unpack(tmp_path, lie)


def test_thousands_of_members_are_refused(tmp_path: Path) -> None:
    many = {**GOOD, **{f"adapters/es/{number}": b"" for number in range(3000)}}
    for pack, place in ((tar_gz, "tar"), (zipped, "zip")):
        (tmp_path / place).mkdir()
        with pytest.raises(ValueError, match="2000 members"):
            unpack(tmp_path / place, pack(many))


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for data in (b"first", b"second"):
            info = tarfile.TarInfo("es/" + CONFIG)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(ValueError, match="two members"):
        unpack(tmp_path, packed.getvalue())


@pytest.mark.parametrize(
    "name", ["adapter_model.bin", "adapter_model.pt", "weights.pkl", "x.pth", "sub/y.PICKLE"]
)
def test_a_pickle_is_refused_by_its_name_and_says_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"pickle.*convert the weights to adapter_model.safete"):
        unpack(tmp_path, tar_gz({**GOOD, f"adapters/es/{name}": b"\x80\x04."}))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no adapter_config.json"),
        ({"readme.md": b"hello"}, "no adapter_config.json"),
        ({f"es/{CONFIG}": config()}, f"es/{WEIGHTS} is missing"),
        ({f"es/{WEIGHTS}": b""}, f"es/{CONFIG} is missing"),
        ({f"-rf/{n}": d for n, d in adapter().items()}, "no name for an adapter"),
        ({f"{top}/es/{n}": d for top in "ab" for n, d in adapter().items()}, "called es"),
    ],
)
def test_an_archive_without_a_whole_adapter_says_what_is_missing(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(tmp_path, tar_gz(files))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x1f\x8b" + b"\xff" * 600,
        b"PK\x03\x04" + b"\0" * 600,
        b"\x80\x04\x95",
        archive(("es", adapter()))[:-200],
        zipped(GOOD)[:-40],
        bytes(257) + b"ustar" + b"\xff" * 600,
    ],
    ids=["empty", "text", "gzip", "zip", "pickle", "cut tar.gz", "cut zip", "tar"],
)
def test_what_is_no_archive_or_a_broken_one_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"archive|missing|cut off|no adapter_config"):
        unpack(tmp_path, data)


async def test_the_child_process_says_why_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(with_entry(tarfile.SYMTYPE, target="/etc/passwd"))
    (tmp_path / "files").mkdir()
    with pytest.raises(InvalidRequest, match=r"The adapter is refused: .*link"):
        await ConfinedExaminer().unpack(tmp_path / "files", tmp_path / "archive")
