"""Whether the installed engine keeps tokens apart that have other adapters; run by `.venv-vllm`.

`python adapter_maths.py`: for every number of places, with adapters in all of them, the last one's
weights infinite. Ends with an error where a token without an adapter is changed by any of them.
"""

import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch

OPS = Path(sysconfig.get_path("purelib")) / "vllm/lora/ops/torch_ops/lora_ops.py"
WIDTH, RANK = 6, 3
MOST_PLACES = 5


def main() -> None:
    ops = _loaded()
    for places in range(1, MOST_PLACES + 1):
        indices = torch.tensor([-1, *range(places), -1])
        weights = torch.randn(places, 1, RANK, WIDTH)
        weights[-1] = torch.inf
        inputs, before = torch.randn(len(indices), WIDTH), torch.randn(len(indices), RANK)
        wanted = before.clone()
        for row, place in enumerate(indices.tolist()):
            if place >= 0:
                wanted[row] += weights[place, 0] @ inputs[row]
        _check(ops, inputs, weights, before, wanted, indices)


def _check(
    ops: ModuleType,
    inputs: torch.Tensor,
    weights: torch.Tensor,
    before: torch.Tensor,
    wanted: torch.Tensor,
    indices: torch.Tensor,
) -> None:
    said = torch.zeros_like(before)
    ops.bgmv_shrink(inputs, weights, said, indices)
    _same(said, wanted - before)
    starts, lengths = torch.arange(len(indices)), torch.ones(len(indices), dtype=torch.long)
    told = (starts, lengths, indices, len(indices), 1, len(indices))
    for add in (
        lambda output: ops.bgmv_expand(inputs, weights, output, indices, add_inputs=True),
        lambda output: ops.bgmv_expand_slice(
            inputs, weights, output, indices, 0, RANK, add_inputs=True
        ),
        lambda output: ops.sgmv_expand(inputs, weights, output, *told, add_inputs=True),
    ):
        output = before.clone()
        add(output)
        _same(output, wanted)


def _same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, equal_nan=True)


def _loaded() -> ModuleType:
    """Without the rest of the engine, which takes long to load."""
    spec = spec_from_file_location("lora_ops", OPS)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


if __name__ == "__main__":
    main()
