"""The loop that deploys for every tenant goes on, whatever one row holds."""

from pathlib import Path

import pytest

from contracts.generation import hosting as h
from services.generation.ports import Artifact
from tests.support.hosting import LLAMA, WHO, staged


async def test_a_bug_that_one_row_finds_holds_no_other_row_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:

        async def look(tenant: str, uri: str) -> Artifact:
            if uri.endswith("broken.tar.gz"):
                raise ValueError("nobody has thought of this")
            return Artifact()

        monkeypatch.setattr(stage.artifacts, "look", look)
        for name in ("broken", "sound"):
            container = h.Container(
                environment={"OPTION_MODEL_ID": LLAMA}, artifact=f"s3://models/{name}.tar.gz"
            )
            await stage.hosting.models.create_model(
                WHO, h.CreateModel(name=name, container=container)
            )
            variant = h.Variant(name="blue", model=name)
            ask = h.CreateEndpointConfig(name=name, variants=[variant])
            await stage.hosting.models.create_config(WHO, ask)
            await stage.hosting.endpoints.create(WHO, h.PutEndpoint(name=name, config=name))
        for _ in range(3):
            await stage.settle()
        broken = await stage.hosting.endpoints.get(WHO, "broken")
        sound = await stage.hosting.endpoints.get(WHO, "sound")
        assert (broken.status, sound.status) == ("Creating", "InService")
