"""Every adapter's greedy tokens are PEFT's own: alone, in any mixture, and after coming back."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path

import httpx
import openai
import pytest

from tests.support.adapters import ADAPTERS, add_adapter
from tests.support.vllm import NAME
from tests.vllm.world import EXTRA, OWN, PROMPTS, World, write_variant


def test_adapters_are_told_apart_by_what_they_say(world: World) -> None:
    for prompt in range(len(PROMPTS)):
        said = {world.expected[name][prompt] for name in ("", *OWN, *EXTRA)}
        assert len(said) == 1 + len(OWN) + len(EXTRA)


@pytest.mark.parametrize("prompt", range(len(PROMPTS)))
@pytest.mark.parametrize("adapter", ["", *OWN])
def test_an_adapter_alone_says_what_peft_says(world: World, adapter: str, prompt: int) -> None:
    assert world.complete(adapter, prompt) == world.expected[adapter][prompt]


def test_every_order_of_a_mixed_batch_says_the_same(world: World) -> None:
    for order in permutations(OWN):
        asked = [("", 1), *((name, 1) for name in order)]
        assert world.together(asked) == world.expect(asked), order


def test_a_batch_of_many_says_what_each_says_alone(world: World) -> None:
    asked = [(name, prompt) for prompt in (0, 1) for name in ("", *OWN)] * 2
    random.Random(3).shuffle(asked)
    assert world.together(asked) == world.expect(asked)


def test_a_prefix_that_adapters_share_is_not_taken_from_one_another(world: World) -> None:
    for name in ("", *OWN, "", *reversed(OWN)):
        assert world.complete(name, 2) == world.expected[name][2], name


def test_more_adapters_than_fit_are_evicted_and_come_back(world: World) -> None:
    everyone = [(name, 0) for name in (*OWN, *EXTRA)]
    assert world.together(everyone) == world.expect(everyone)
    for name in (*EXTRA, *OWN):
        assert world.complete(name, 1) == world.expected[name][1], name
    assert world.together(everyone) == world.expect(everyone)


def test_what_prompts_are_worth_is_the_same_beside_others_and_ends_no_server(world: World) -> None:
    """Log probabilities of prompts, of several at once, while others write with adapters."""
    client = world.platform.openai(world.owner)
    ask = {"max_tokens": 3, "temperature": 0, "echo": True, "logprobs": 1}

    def worth(model: str, *prompts: str) -> list[list[float]]:
        made = client.completions.create(model=model, prompt=list(prompts), **ask)  # type: ignore[call-overload]
        return [choice.logprobs.token_logprobs[1:] for choice in made.choices]

    models = (NAME, "es", "fr")
    alone = {model: [worth(model, prompt)[0] for prompt in PROMPTS] for model in models}
    long = {"prompt": PROMPTS[0], "max_tokens": 400, "stream": True, "temperature": 0}
    with client.completions.create(model="de", **long) as other:  # type: ignore[call-overload]
        next(iter(other))
        with ThreadPoolExecutor(len(models)) as pool:
            beside = list(pool.map(lambda model: worth(model, *PROMPTS), models))
    for model, found in zip(models, beside, strict=True):
        for one, right in zip(found, alone[model], strict=True):
            assert one == pytest.approx(right, abs=1e-3), model
    assert alone["es"] != alone[NAME]


def test_requests_join_and_leave_while_another_is_written(world: World) -> None:
    client = world.platform.openai(world.owner)
    ask = {"prompt": PROMPTS[0], "temperature": 0, "stream": True}
    whole = world.complete("es", 0, tokens=64)
    with client.completions.create(model="es", max_tokens=64, **ask) as long:
        written = next(iter(long)).choices[0].text
        assert world.complete("fr", 0) == world.expected["fr"][0]
        left = client.completions.create(model="de", max_tokens=500, **ask)
        next(iter(left))
        left.close()  # walks away in the middle
        written += "".join(part.choices[0].text for part in long if part.choices)
    assert written == whole
    assert whole.startswith(world.expected["es"][0])


def test_a_name_that_moves_never_answers_from_the_old_weights(world: World) -> None:
    for version in ("extra-1", "extra-2", "extra-1"):
        world.point("moving", world.digests[version])
        for _ in range(2):  # the second reads the prefix that the first left in the cache
            assert world.complete("moving", 2) == world.expected[version][2], version


def test_an_adapter_that_is_deleted_ends_after_what_it_was_writing(
    world: World, tmp_path: Path
) -> None:
    write_variant(world.tiny.adapters["es"], tmp_path / "leaving", 300)
    made = add_adapter(world.platform, world.owner, NAME, "leaving", tmp_path / "leaving")
    whole = world.complete("leaving", 0, tokens=48)
    client = world.platform.openai(world.owner)
    ask = {"prompt": PROMPTS[0], "temperature": 0, "stream": True, "max_tokens": 48}
    place = f"{world.platform.url}{ADAPTERS}/{made['digest']}"
    with client.completions.create(model="leaving", **ask) as parts:
        written = next(iter(parts)).choices[0].text
        httpx.delete(place, headers=world.platform.rest(world.owner)).raise_for_status()
        written += "".join(part.choices[0].text for part in parts if part.choices)
    assert written == whole
    with pytest.raises(openai.NotFoundError):
        world.complete("leaving", 0)
