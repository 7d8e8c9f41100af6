"""The installed engine's code is mended once, and only where it is the code that we know."""

from pathlib import Path

import pytest

from services.generation.engines.vllm.install import mend

FLAW = '    outputs = torch.einsum("bi, boi -> bo", inputs, selected_loras)\n'


def test_each_use_of_the_index_is_mended_once(tmp_path: Path) -> None:
    source = tmp_path / "lora_ops.py"
    source.write_text(f"a\n{FLAW}b\n{FLAW}c\n{FLAW}d\n")
    mend(source)
    mended = source.read_text()
    assert mended.count("lora_indices_tensor < 0") == 3
    mend(source)
    assert source.read_text() == mended


def test_code_that_we_do_not_know_is_left_alone_and_told(tmp_path: Path) -> None:
    source = tmp_path / "lora_ops.py"
    source.write_text(FLAW)
    with pytest.raises(ValueError, match="still needs mending"):
        mend(source)
    assert source.read_text() == FLAW
