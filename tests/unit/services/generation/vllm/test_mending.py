"""The installed engine's code is mended once, and only where it is the code that we know."""

from pathlib import Path

import pytest

from services.generation.engines.vllm.mending import BASE, MENDS, PROMPT, is_mended, mend


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """With the flawed lines alone, between others."""
    for one in MENDS:
        source = tmp_path / one.file
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("a\n" + f"{one.flawed}b\n" * one.times)
    return tmp_path


def test_each_flaw_is_mended_once(packages: Path) -> None:
    assert not is_mended(packages)
    mend(packages)
    assert is_mended(packages)
    mended = [(packages / one.file).read_text() for one in MENDS]
    assert mended[0].count("lora_indices_tensor < 0") == 3
    assert mended[1].index("_set_active_loras") < mended[1].index("compute_logits")
    mend(packages)
    assert [(packages / one.file).read_text() for one in MENDS] == mended


@pytest.mark.parametrize("one", [BASE, PROMPT])
def test_one_flaw_alone_is_enough_to_be_told(packages: Path, one: object) -> None:
    for other in MENDS:
        if other is not one:
            source = packages / other.file
            source.write_text(source.read_text().replace(other.flawed, other.mended))
    assert not is_mended(packages)


def test_code_that_we_do_not_know_is_left_alone_and_told(packages: Path) -> None:
    source = packages / BASE.file
    source.write_text(BASE.flawed)
    with pytest.raises(ValueError, match="see whether it needs it"):
        mend(packages)
    assert source.read_text() == BASE.flawed
