"""What is checked of an exported model before it serves."""

import asyncio
import os
from pathlib import Path

import pytest

from kit.catalogue import load
from kit.errors import Internal, InvalidRequest, NotFound, Unavailable
from services.search.engines.embeddings import export, sentence_transformers
from services.search.engines.embeddings.exported import (
    Manifest,
    digest_of,
    folder_for,
    read_manifest,
)
from services.search.engines.embeddings.preparation import ensure_exported
from services.search.engines.embeddings.registry import open_embedder
from services.search.engines.embeddings.sources import locate


def write(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"graph")
    manifest = Manifest(
        model="m",
        precision="int8",
        dimension=4,
        sequence=8,
        pooling="mean",
        cosine=1,
        versions={},
        files={"model.onnx": digest_of(folder / "model.onnx")},
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())


def test_a_folder_as_it_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    assert read_manifest(tmp_path).dimension == 4


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"grapf")
    with pytest.raises(Internal, match="damaged"):
        read_manifest(tmp_path)


def test_a_missing_export_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="export --default"):
        read_manifest(tmp_path)


def test_models_and_precisions_have_folders_of_their_own(tmp_path: Path) -> None:
    names = {folder_for(tmp_path, m, p) for m in ("a/b", "c/b") for p in ("int8", "fp32")}
    assert len(names) == 4
    assert all(name.parent == tmp_path for name in names)


def test_weights_that_change_in_their_folder_have_another_export(tmp_path: Path) -> None:
    source = tmp_path / "embedder"
    (source / "1_Pooling").mkdir(parents=True)
    weights, pooling = source / "model.safetensors", source / "1_Pooling" / "config.json"
    names = []
    for file, text in [(weights, "old"), (weights, "longer"), (pooling, "{}"), (pooling, "[]")]:
        file.write_text(text)
        os.utime(file, (0, len(names)))
        names.append(folder_for(tmp_path, str(source), "int8"))
    (source / "README.md").write_text("nothing that an export reads")
    assert len(set(names)) == 4
    assert folder_for(tmp_path, str(source), "int8") == names[-1]


def test_the_bundled_model_is_found_under_both_its_names() -> None:
    folder = locate("all-MiniLM-L6-v2")
    assert (Path(folder) / "model.safetensors").is_file()
    assert locate("sentence-transformers/all-MiniLM-L6-v2") == folder
    assert locate("some/other-model") == "some/other-model"


async def test_a_model_that_cannot_be_read_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    cache = tmp_path / "cache"
    with pytest.raises(Unavailable, match="could not be exported"):
        await ensure_exported(str(broken), cache=cache)
    assert list(cache.iterdir()) == []


async def test_a_folder_that_is_not_there_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "create_subprocess_exec", None)
    with pytest.raises(InvalidRequest, match=f"There is no folder {tmp_path}/nope"):
        await ensure_exported(f"{tmp_path}/nope", cache=tmp_path)


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sentence_transformers, "import_module", missing)
    with pytest.raises(Unavailable, match=r"undercroft\[export\]"):
        sentence_transformers.SentenceTransformersEmbedder("m")
    monkeypatch.setattr(export, "import_module", missing)
    with pytest.raises(Unavailable, match=r"undercroft\[export\]"):
        export.export("m", tmp_path / "m", "int8")
    assert list(tmp_path.iterdir()) == []


async def test_an_unknown_engine_is_refused_by_name(tmp_path: Path) -> None:
    entry = load().find("all-minilm-l6-v2").model_copy(update={"engine": "magic"})
    with pytest.raises(InvalidRequest, match="magic"):
        await open_embedder(entry, cache=tmp_path, threads=1)
