"""The admission gate: what an adapter must be before it serves, and the words that refuse it."""

import asyncio
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from contracts.generation import adapters as a
from kit.errors import InvalidRequest
from tests.unit.services.generation.adapters.making import (
    CONFIG,
    HIDDEN,
    VOCABULARY,
    WEIGHTS,
    adapter,
    archive,
    config,
    safetensors,
    weights,
)
from tests.unit.services.generation.adapters.world import ANNA, World, open_world

Q = "base_model.model.model.layers.0.self_attn.q_proj"


def one(**members: Any) -> bytes:
    return archive(("es", {**adapter(), CONFIG: config(**members)}))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
        ({"task_type": "SEQ_CLS"}, "does not generate text"),
        ({"use_dora": True}, "DoRA"),
        ({"lora_bias": True}, "bias of its own"),
        ({"bias": "all"}, "bias is not 'none'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"init_lora_weights": "olora"}, "olora"),
        ({"init_lora_weights": "corda"}, "corda"),
        ({"init_lora_weights": "loftq"}, "loftq"),
        ({"layer_replication": [[0, 1]]}, "replicated layers"),
        ({"alora_invocation_tokens": [1]}, "aLoRA"),
        ({"use_qalora": True}, "QALoRA"),
        ({"r": 0}, "r must be"),
        ({"r": "2"}, "r must be"),
        ({"r": True}, "r must be"),
        ({"lora_alpha": 0}, "lora_alpha"),
        ({"lora_alpha": float("inf")}, "lora_alpha"),
        ({"target_modules": None}, "target_modules"),
        ({"rank_pattern": {"(a+)+$": 4}}, "plain names"),
        ({"alpha_pattern": {"q_proj": "4"}}, "alpha_pattern"),
        ({"r": 4}, "adapter_config.json says 4"),
        ({"use_dora": True, "bias": "all"}, "bias is not 'none'.*DoRA"),
    ],
)
async def test_a_configuration_that_cannot_be_served_is_refused_at_once(
    world: World, members: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        await world.add(one(**members))
    assert await world.adapters.list(ANNA) == []


@pytest.mark.parametrize(
    "members",
    [
        {"init_lora_weights": "gaussian"},
        {"use_rslora": True},
        {"alpha_pattern": {"q_proj": 16}},
        {"base_model_name_or_path": "/somewhere/else", "auto_mapping": {"parent_library": "evil"}},
        {"target_modules": "all-linear", "lora_dropout": 0.1, "unknown": {"deep": 1}},
    ],
)
async def test_what_changes_nothing_that_the_engine_would_miss_is_let_pass(
    world: World, members: dict[str, Any]
) -> None:
    assert (await world.add(one(**members))).state == "ready"


async def refused(world: World, files: dict[str, bytes]) -> str:
    made = await world.add(archive(("es", files)))
    assert made.state == "refused"
    return "; ".join(made.reasons)


async def test_a_rank_above_what_the_servers_take_is_refused(world: World) -> None:
    reason = await refused(world, adapter(rank=128))
    assert reason == (
        "rank: its rank is 128, and the base model is served with adapters up to rank 64"
    )


async def test_an_adapter_of_a_wider_model_is_refused(world: World) -> None:
    reason = await refused(world, adapter(wider=8))
    assert "16 wide in and 8 out, and the base model's is 8 in and 8 out" in reason
    assert "trained on another model" in reason


async def test_an_adapter_of_a_deeper_model_is_refused(world: World) -> None:
    reason = await refused(world, adapter(layers=3))
    assert "has no model.layers.2.self_attn.q_proj" in reason
    assert "('somebody/llama')" in reason


async def test_an_adapter_of_the_output_layer_is_refused(world: World) -> None:
    tensors = {
        f"base_model.model.lm_head.lora_{half}.weight": (shape, [1.0] * math.prod(shape))
        for half, shape in (("A", (2, HIDDEN)), ("B", (VOCABULARY, 2)))
    }
    with pytest.raises(InvalidRequest, match="it changes lm_head"):
        await world.add(archive(("es", adapter() | {WEIGHTS: safetensors(tensors)})))


@pytest.mark.parametrize("b", [0.0, -0.0])
async def test_an_adapter_without_an_effect_is_refused(world: World, b: float) -> None:
    assert "it changes nothing" in await refused(world, adapter(b=b))


async def test_b_times_a_that_is_zero_though_neither_is_has_no_effect(world: World) -> None:
    a_half = [1.0] * 8 + [0.0] * 8
    b_half = [0.0, 1.0] * 8
    files = {
        CONFIG: config(),
        WEIGHTS: safetensors(
            {f"{Q}.lora_A.weight": ((2, 8), a_half), f"{Q}.lora_B.weight": ((8, 2), b_half)}
        ),
    }
    assert "it changes nothing" in await refused(world, files)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
async def test_a_nan_or_an_infinity_is_refused_and_named(world: World, bad: float) -> None:
    good = weights()
    broken = good[:-4] + struct.pack("<f", bad)
    assert "v_proj.lora_B.weight' has a NaN" in await refused(world, {**adapter(), WEIGHTS: broken})


@pytest.mark.parametrize(("dtype", "nan"), [("BF16", b"\x80\x7f"), ("F16", b"\x00\x7e")])
async def test_numbers_of_16_bits_are_looked_at_too(world: World, dtype: str, nan: bytes) -> None:
    def halves(last: bytes) -> bytes:
        header = {
            f"{Q}.lora_A.weight": {"dtype": dtype, "shape": [2, 8], "data_offsets": [0, 32]},
            f"{Q}.lora_B.weight": {"dtype": dtype, "shape": [8, 2], "data_offsets": [32, 64]},
        }
        raw = json.dumps(header).encode()
        return len(raw).to_bytes(8, "little") + raw + b"\x00\x3c" * 31 + last

    assert (await world.add(archive(("ok", {**adapter(), WEIGHTS: halves(b"\x00\x3c")})))).state
    assert "NaN" in await refused(world, {**adapter(), WEIGHTS: halves(nan)})


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("evil.weight", (2, 8), "neither a lora_A nor a lora_B"),
        (f"{Q}.lora_magnitude_vector", (8,), "neither a lora_A"),
        (f"{Q.replace('0', '1')}.lora_A.weight", (2, 8), "lora_A or lora_B is missing"),
    ],
)
async def test_tensors_that_are_no_pairs_are_refused(
    world: World, name: str, shape: tuple[int, ...], reason: str
) -> None:
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    pair = {f"{Q}.lora_A.weight": ((2, 8), [1.0] * 16), f"{Q}.lora_B.weight": ((8, 2), [1.0] * 16)}
    files = {CONFIG: config(), WEIGHTS: safetensors({**pair, name: (shape, [1.0] * count)})}
    with pytest.raises(InvalidRequest, match=reason):
        await world.add(archive(("es", files)))


async def test_a_refused_adapter_may_be_registered_again_and_its_folder_goes(world: World) -> None:
    files = adapter(rank=128)
    await refused(world, files)
    digest = (await world.adapters.list(ANNA))[0].digest
    assert await refused(world, files)
    assert len(await world.adapters.list(ANNA)) == 1
    assert not (world.folder / "generation" / "adapters" / digest).exists()


async def test_where_the_operator_wants_every_check_a_skipped_one_refuses(tmp_path: Path) -> None:
    async with open_world(tmp_path, admit_unchecked_adapters=False) as world:
        reason = await refused(world, adapter())
    assert reason.startswith("parity: ")


async def test_a_queued_admission_that_is_cancelled_leaves_the_adapter_refused(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, runs_jobs=False) as world:
        source = await world.put("a.tar.gz", archive(("es", adapter())))
        made = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama", name="es"))
        assert made.state == "checking"
        await world.jobs.cancel(ANNA.tenant, made.job)

        found = await world.adapters.get(ANNA, made.digest)
        assert (found.state, found.reasons) == (
            "refused",
            ["the checks were stopped; register it again"],
        )


async def test_an_admission_whose_process_died_is_done_again_from_its_start(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, runs_jobs=False) as world:
        source = await world.put("a.tar.gz", archive(("es", adapter())))
        made = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama", name="es"))
        for _ in range(2):  # the first is stopped between the steps, as a crash would
            await world.run_until_step("parity")
            assert (await world.adapters.get(ANNA, made.digest)).state == "checking"
        await world.runner.start()
        assert (await asyncio.wait_for(world.settled(made), 20)).state == "ready"
        await world.runner.stop(grace=5.0)
