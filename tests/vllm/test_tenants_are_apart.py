"""Another tenant's adapters are as absent as any that never were, and no cache leaks them."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from botocore.exceptions import ClientError

from tests.support.adapters import ADAPTERS, add_adapter
from tests.support.platform import Credentials
from tests.support.vllm import NAME
from tests.vllm.world import PROMPTS, World

FOREIGN, ABSENT = "extra-1", "extra-x"  # of one length, so that only the name may differ
TRIES = 15


def test_a_foreign_adapter_is_as_absent_as_one_that_never_was(
    world: World, stranger: Credentials
) -> None:
    def ask(name: str) -> httpx.Response:
        body = {"model": name, "prompt": PROMPTS[0], "max_tokens": 1}
        headers = world.platform.rest(stranger)
        return httpx.post(f"{world.platform.url}/v1/completions", json=body, headers=headers)

    foreign, absent = ask(FOREIGN), ask(ABSENT)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.text.replace(FOREIGN, ABSENT) == absent.text
    assert _of_one_class(lambda: ask(FOREIGN), lambda: ask(ABSENT))


def test_bedrock_and_rest_do_not_know_it_either(world: World, stranger: Credentials) -> None:
    runtime = world.platform.boto3("bedrock-runtime", stranger)
    told = []
    for name in (FOREIGN, ABSENT):
        with pytest.raises(ClientError) as raised:
            runtime.converse(modelId=name, messages=[{"role": "user", "content": [{"text": "a"}]}])
        error = raised.value.response["Error"]
        told.append((error["Code"], error["Message"].replace(name, "?")))
    assert told[0] == told[1]
    assert told[0][0] == "ResourceNotFoundException"
    digest = world.digests[FOREIGN]
    for method in ("GET", "DELETE"):
        place = f"{world.platform.url}{ADAPTERS}/{digest}"
        reply = httpx.request(method, place, headers=world.platform.rest(stranger))
        assert reply.status_code == 404, reply.text
    assert world.complete(FOREIGN, 0) == world.expected[FOREIGN][0]


def test_one_name_means_to_each_tenant_its_own(world: World) -> None:
    other = world.platform.keys("namesake")
    add_adapter(world.platform, other, NAME, "es", world.tiny.adapters["extra-3"])
    for _ in range(2):  # in turns on one long prefix
        assert world.complete("es", 2) == world.expected["es"][2]
        assert world.complete("es", 2, who=other) == world.expected["extra-3"][2]
    with pytest.raises(openai.NotFoundError):
        world.complete("fr", 0, who=other)


def test_a_grant_opens_an_adapter_by_its_digest_alone(world: World, stranger: Credentials) -> None:
    digest = world.digests["de"]
    account = world.platform.boto3("sts", stranger).get_caller_identity()["Account"]
    place = f"{world.platform.url}{ADAPTERS}/{digest}/grants/{account}"
    headers = world.platform.rest(world.owner)
    with pytest.raises(openai.NotFoundError):
        world.complete(f"theirs@sha256:{digest}", 0, who=stranger)
    httpx.put(place, headers=headers).raise_for_status()
    assert world.complete(f"theirs@sha256:{digest}", 0, who=stranger) == world.expected["de"][0]
    httpx.delete(place, headers=headers).raise_for_status()
    with pytest.raises(openai.NotFoundError):
        world.complete(f"theirs@sha256:{digest}", 0, who=stranger)


def _of_one_class(one: Callable[[], Any], other: Callable[[], Any]) -> bool:
    """Whether the medians of the two lie within the spread of either; measured in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(TRIES):
        for call, kept in ((one, times[0]), (other, times[1])):
            began = time.perf_counter()
            call()
            kept.append(time.perf_counter() - began)
    apart = abs(statistics.median(times[0]) - statistics.median(times[1]))
    return apart < max(statistics.stdev(times[0]), statistics.stdev(times[1]), 0.005)
