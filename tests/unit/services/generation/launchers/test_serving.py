"""Which models the operator's settings serve, and what is said of those that cannot be."""

import json
from pathlib import Path

import pytest

from kit.catalogue import DEFAULT_FOLDER
from kit.errors import Conflict, InvalidRequest
from services.generation.engines.launchers.serving import Serving, with_served
from services.generation.settings import VllmSettings
from undercroft.commands.up import named_folders


def test_a_folder_that_lacks_what_a_model_needs_is_refused_with_all_of_it(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 64}))
    with pytest.raises(InvalidRequest, match=r"m cannot be served .*safetensors.*tokenizer"):
        with_served(DEFAULT_FOLDER, VllmSettings(serve={"m": tmp_path}))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InvalidRequest, match="away is not a folder"):
        with_served(DEFAULT_FOLDER, VllmSettings(serve={"m": tmp_path / "away"}))


def test_without_vllm_nothing_starts_that_needs_it(tmp_path: Path):
    settings = VllmSettings(serve={"m": tmp_path}, vllm_python=tmp_path / "python")
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 64}))
    models = with_served(DEFAULT_FOLDER, VllmSettings()).with_folder("m", tmp_path)
    with pytest.raises(Conflict, match="make vllm-cpu"):
        Serving(settings, models)
    Serving(settings.model_copy(update={"serve": {}}), models)


def test_a_model_s_option_is_a_name_and_a_folder():
    options = ["TheBloke/Llama-2-7B-Chat-fp16=/srv/llama", "tiny=models/tiny=2"]
    assert named_folders(options) == {
        "TheBloke/Llama-2-7B-Chat-fp16": Path("/srv/llama"),
        "tiny": Path("models/tiny=2"),
    }


@pytest.mark.parametrize("options", [["tiny"], ["=folder"], ["tiny="], ["ti ny=x"], ["a=x", "a=y"]])
def test_an_option_that_is_neither_is_refused(options: list[str]):
    with pytest.raises(InvalidRequest, match="--model"):
        named_folders(options)
