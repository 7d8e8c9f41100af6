"""What tenants are held to in jobs; a test class for each way to run the platform inherits it."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import httpx

from tests.support.platform import ROOT, Credentials, Platform
from tests.wire.knowledge import unique, until
from tests.wire.openai_lines import answered, ended, line, rows, start
from tests.wire.sagemaker_support import create_endpoint, create_model
from tests.wire.test_sagemaker_async import Async

MODEL = "extractive"
TEXT = "<context>The bridge of Alder is made of oak. " + "Ferns are green. " * 230
TEXT += "</context>\nWhat is the bridge made of?"
"""About a thousand tokens."""


def priced_models(folder: Path) -> Path:
    """The platform's model files; a text of a thousand tokens costs one."""
    shutil.copytree(ROOT / "models", folder)
    with (folder / "extractive.yaml").open("a") as file:
        file.write("input_price: 1000.0\noutput_price: 0.0\n")
    return folder


def asked(lines: int) -> list[Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": TEXT}]}
    return [line(f"r{number}", body) for number in range(lines)]


def limited(platform: Platform, **limits: float) -> tuple[str, Credentials]:
    """The name and the keys of a tenant that is held to limits from its first request on."""
    tenant = unique("limited")
    who = platform.keys(tenant)
    hold(platform, tenant, **limits)
    return tenant, who


def hold(platform: Platform, tenant: str, **limits: float) -> None:
    options = [part for name, value in limits.items() for part in (f"--{name}", str(value))]
    platform.run("limits", "set", "--tenant", tenant, *options)


def invocations(platform: Platform, who: Credentials) -> Async:
    s3, sagemaker = platform.boto3("s3", who), platform.boto3("sagemaker", who)
    bucket = unique("bucket")
    s3.create_bucket(Bucket=bucket)
    output = {"S3OutputPath": f"s3://{bucket}/out", "S3FailurePath": f"s3://{bucket}/failed/"}
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    config = {"AsyncInferenceConfig": {"OutputConfig": output}}
    endpoint = create_endpoint(sagemaker, {"ModelName": model}, **config)
    return Async(platform.boto3("sagemaker-runtime", who), s3, bucket, endpoint)


def failure(place: Async) -> str:
    asked = place.ask(json.dumps({"inputs": TEXT}).encode())
    told: str = json.loads(place.read(asked["FailureLocation"]))["error"]
    return told


def tokens_in(platform: Platform, who: Credentials) -> int:
    """Of all that the tenant has used."""
    route = f"{platform.url}/api/v1/usage"
    told = httpx.get(route, headers=platform.rest(who)).json()["items"]
    return sum(row["tokens_in"] for row in told)


class LimitedJobs:
    """Makes a `metered` platform of `priced_models`."""

    def test_lines_wait_for_their_turn_at_a_limit_of_tokens(self, metered: Platform) -> None:
        tenant, who = limited(metered, tokens=20_000)
        client = metered.openai(who)
        batch = start(client, asked(40))
        answered(client, batch, 5)
        time.sleep(2.5)
        now = client.batches.retrieve(batch.id)
        assert now.request_counts is not None
        assert now.request_counts.completed < 35, "nobody was held to a limit"
        hold(metered, tenant, tokens=10_000_000)
        batch = ended(client, batch, 60)
        assert batch.status == "completed"
        assert batch.request_counts is not None
        assert (batch.request_counts.completed, batch.request_counts.failed) == (40, 0)
        assert batch.usage is not None
        used = batch.usage.input_tokens
        until(lambda: tokens_in(metered, who), lambda told: told == used, 10)

    def test_a_spent_budget_ends_a_batch_and_keeps_its_answers(self, metered: Platform) -> None:
        _, who = limited(metered, budget=5)
        client = metered.openai(who)
        batch = ended(client, start(client, asked(300)), 60)
        assert (batch.status, batch.error_file_id) == ("failed", None)
        assert batch.errors is not None
        assert [one.code for one in batch.errors.data or ()] == ["budget_spent"]
        assert batch.request_counts is not None
        done = batch.request_counts.completed
        assert 5 <= done < 200
        assert len(rows(client, batch.output_file_id)) == done
        another = ended(client, start(client, asked(3)))
        assert (another.status, another.output_file_id) == ("failed", None)
        assert failure(invocations(metered, who)).startswith("This tenant's budget of 5")

    def test_an_invocation_over_a_whole_minutes_limit_is_told_so(self, metered: Platform) -> None:
        _, who = limited(metered, tokens=100)
        assert "more tokens than this tenant's limit" in failure(invocations(metered, who))
