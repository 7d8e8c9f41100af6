"""Endpoints that boto3 moves to another configuration: somebody answers all along."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wire.sagemaker_support import (
    MODEL,
    PROMPT,
    QUICK,
    ROLE,
    create_endpoint,
    create_model,
    fresh,
    invoke,
)

pytest_plugins = ("tests.wire.sagemaker_fixtures",)


@pytest.fixture
def endpoint(sagemaker: Any) -> str:
    return create_endpoint(
        sagemaker, {"ModelName": create_model(sagemaker, {"HF_MODEL_ID": MODEL})}
    )


def variant(sagemaker: Any, name: str, model: str = MODEL, **more: Any) -> dict[str, Any]:
    made = create_model(sagemaker, {"OPTION_MODEL_ID": model, "OPTION_TGI_COMPAT": "true"})
    return {"VariantName": name, "ModelName": made, **more}


def update(sagemaker: Any, endpoint: str, *variants: dict[str, Any]) -> str:
    config = fresh("config")
    sagemaker.create_endpoint_config(
        EndpointConfigName=config,
        ProductionVariants=[*variants],
        ExecutionRoleArn=ROLE,
    )
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    return config


def settled(sagemaker: Any, runtime: Any, endpoint: str) -> tuple[dict[str, Any], set[str]]:
    """The endpoint after its update, and who answered meanwhile: a refusal raises ClientError."""
    answered = set()
    for _ in range(400):
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=endpoint)
        answered.add(asked(runtime, endpoint))
        if found["EndpointStatus"] != "Updating":
            return found, answered
    raise AssertionError(f"{endpoint} stays {found['EndpointStatus']}")


def asked(runtime: Any, endpoint: str, **more: Any) -> str:
    """The variant that answers."""
    told = runtime.invoke_endpoint(
        EndpointName=endpoint, Body=b'{"inputs": "Why?"}', ContentType="application/json", **more
    )
    return str(told["InvokedProductionVariant"])


def test_a_renamed_variant_takes_over_without_a_gap(
    sagemaker: Any, runtime: Any, endpoint: str
) -> None:
    config = update(sagemaker, endpoint, variant(sagemaker, "Green"))
    found, answered = settled(sagemaker, runtime, endpoint)
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == config
    assert [one["VariantName"] for one in found["ProductionVariants"]] == ["Green"]
    assert answered == {"AllTraffic", "Green"}
    assert asked(runtime, endpoint) == "Green"
    assert "oak" in invoke(runtime, endpoint, {"inputs": PROMPT})[0]["generated_text"]
    with pytest.raises(ClientError, match="Variant AllTraffic"):
        asked(runtime, endpoint, TargetVariant="AllTraffic")


def test_an_update_that_fails_leaves_the_endpoint_as_it_was(
    sagemaker: Any, runtime: Any, endpoint: str
) -> None:
    before = sagemaker.describe_endpoint(EndpointName=endpoint)
    update(sagemaker, endpoint, variant(sagemaker, "Green", "acme/absent"))
    found, answered = settled(sagemaker, runtime, endpoint)
    assert "acme/absent" in found["FailureReason"]
    assert answered == {"AllTraffic"}
    for member in ("EndpointStatus", "EndpointConfigName", "ProductionVariants"):
        assert found[member] == before[member]
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=QUICK)


def test_weights_share_an_endpoint_out(sagemaker: Any, runtime: Any, endpoint: str) -> None:
    shares = {"Red": 0.5, "Green": 0.5}
    variants = [variant(sagemaker, n, InitialVariantWeight=w) for n, w in shares.items()]
    update(sagemaker, endpoint, *variants)
    settled(sagemaker, runtime, endpoint)
    assert {asked(runtime, endpoint) for _ in range(40)} == {"Red", "Green"}
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "Red", "DesiredWeight": 0},
            {"VariantName": "Green", "DesiredInstanceCount": 2},
        ],
    )
    found, _ = settled(sagemaker, runtime, endpoint)
    told = {
        one["VariantName"]: (one["CurrentWeight"], one["DesiredInstanceCount"])
        for one in found["ProductionVariants"]
    }
    assert told == {"Red": (0.0, 1), "Green": (0.5, 2)}
    time.sleep(1.1)  # for a second, invocations may go by the weights of before
    assert {asked(runtime, endpoint) for _ in range(20)} == {"Green"}
