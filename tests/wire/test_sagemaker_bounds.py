"""What boto3 lets through and no platform can do is refused, before anything is made."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.sagemaker_support import MODEL, ROLE, create_model, fresh

pytest_plugins = ("tests.wire.sagemaker_fixtures",)


def component(sagemaker: Any, copies: int, accelerators: float) -> None:
    needs = {"NumberOfAcceleratorDevicesRequired": accelerators, "MinMemoryRequiredInMb": 128}
    sagemaker.create_inference_component(
        InferenceComponentName=fresh("component"),
        EndpointName="any",
        Specification={"ModelName": "any", "ComputeResourceRequirements": needs},
        RuntimeConfig={"CopyCount": copies},
    )


def config(sagemaker: Any, *, output: str = "", **variant: Any) -> None:
    name = fresh("config")
    written = {"OutputConfig": {"S3OutputPath": output}}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ExecutionRoleArn=ROLE,
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": "any", **variant}],
        **({"AsyncInferenceConfig": written} if output else {}),
    )


def capacities(sagemaker: Any, *wanted: dict[str, Any]) -> None:
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="any", DesiredWeightsAndCapacities=[*wanted]
    )


def refusal(failure: pytest.ExceptionInfo[ClientError]) -> str:
    error = failure.value.response["Error"]
    assert error["Code"] == "ValidationException"
    return str(error["Message"])


@pytest.mark.parametrize(
    ("copies", "accelerators", "member"),
    [
        (10**9, 1.0, "RuntimeConfig.CopyCount"),
        (1, 1e300, "ComputeResourceRequirements.NumberOfAcceleratorDevicesRequired"),
    ],
)
def test_a_component_asks_for_no_more_than_there_can_be(
    sagemaker: Any, copies: int, accelerators: float, member: str
) -> None:
    with pytest.raises(ClientError) as failure:
        component(sagemaker, copies, accelerators)
    assert f"{member}: Input should be less than or equal to 1000" in refusal(failure)


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("update_inference_component", "RuntimeConfig"),
        ("update_inference_component_runtime_config", "DesiredRuntimeConfig"),
    ],
)
def test_nor_does_a_component_that_is_changed(sagemaker: Any, operation: str, member: str) -> None:
    update = getattr(sagemaker, operation)
    with pytest.raises(ClientError) as failure:
        update(InferenceComponentName="any", **{member: {"CopyCount": 10**9}})
    assert refusal(failure).startswith(f"{member}.CopyCount: ")
    assert "1000" in refusal(failure)


def test_nor_does_a_variant(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as failure:
        config(sagemaker, InitialInstanceCount=10**9)
    assert refusal(failure).startswith("ProductionVariants.1.member.InitialInstanceCount: ")
    assert "1000" in refusal(failure)
    with pytest.raises(ClientError) as failure:
        config(sagemaker, InitialVariantWeight=3e38)
    assert refusal(failure).startswith("ProductionVariants.1.member.InitialVariantWeight: ")
    assert "1000000000" in refusal(failure)
    with pytest.raises(ClientError) as failure:
        config(sagemaker, ManagedInstanceScaling={"Status": "ENABLED", "MaxInstanceCount": 10**6})
    assert "ManagedInstanceScaling.MaxInstanceCount: " in refusal(failure)


def test_nor_do_its_capacities(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as failure:
        capacities(sagemaker, {"VariantName": "A"}, {"VariantName": "B", "DesiredWeight": 3e38})
    assert refusal(failure).startswith("DesiredWeightsAndCapacities.2.member.DesiredWeight: ")


def test_a_variant_is_named_once(sagemaker: Any) -> None:
    twice = [{"VariantName": name, "ModelName": "any"} for name in ("A", "B", "A")]
    with pytest.raises(ClientError) as failure:
        sagemaker.create_endpoint_config(
            EndpointConfigName=fresh("config"), ExecutionRoleArn=ROLE, ProductionVariants=twice
        )
    assert refusal(failure) == "ProductionVariants: The variant A is there twice."
    with pytest.raises(ClientError) as failure:
        capacities(sagemaker, *({"VariantName": "A", "DesiredWeight": n} for n in (1, 2)))
    assert refusal(failure) == "DesiredWeightsAndCapacities: The variant A is there twice."


@pytest.mark.parametrize("output", ["s3://bucket/a\x00b", "s3://bucket/a\x1fb"])
def test_a_place_that_is_none_is_refused(sagemaker: Any, output: str) -> None:
    with pytest.raises(ClientError) as failure:
        config(sagemaker, output=output)
    assert "S3 URI" in refusal(failure)


@pytest.mark.parametrize("key", ["aws:mine", "AWS:mine"])
def test_the_tags_of_aws_are_its_own(sagemaker: Any, platform: Platform, key: str) -> None:
    tags = [{"Key": key, "Value": "x"}]
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    arn = sagemaker.describe_model(ModelName=model)["ModelArn"]
    with pytest.raises(ClientError) as failure:
        sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    assert key in refusal(failure)
    with pytest.raises(ClientError) as failure:
        sagemaker.create_endpoint(EndpointName="any", EndpointConfigName="any", Tags=tags)
    assert key in refusal(failure)
