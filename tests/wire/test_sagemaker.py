"""SageMaker through boto3: the control plane, its waiters, and what its endpoints answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.support.platform import Platform
from tests.wire.sagemaker_support import (
    MODEL,
    PROMPT,
    QUICK,
    ROLE,
    create_endpoint,
    create_model,
    fresh,
    invoke,
    packed,
)

pytest_plugins = ("tests.wire.sagemaker_fixtures",)


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any) -> Iterator[str]:
    """Its variant runs a model by itself."""
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    name = create_endpoint(
        sagemaker, {"ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.g5.xlarge"}
    )
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.fixture(scope="module")
def tgi(sagemaker: Any) -> str:
    model = create_model(sagemaker, {"HF_MODEL_ID": MODEL, "OPTION_TGI_COMPAT": "true"})
    return create_endpoint(sagemaker, {"ModelName": model})


def refused(raised: pytest.ExceptionInfo[ClientError], code: str, status: int) -> dict[str, Any]:
    response = raised.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    return response


def test_a_model_on_a_variant_answers(runtime: Any, endpoint: str) -> None:
    assert invoke(runtime, endpoint, {"inputs": PROMPT}) == {
        "generated_text": "The bridge of Alder is made of oak."
    }


def test_the_form_is_the_endpoints(runtime: Any, tgi: str) -> None:
    (answer,) = invoke(runtime, tgi, {"inputs": PROMPT})
    assert "oak" in answer["generated_text"]


def test_a_stream_ends_with_the_whole_text(runtime: Any, endpoint: str) -> None:
    body = {"inputs": PROMPT, "parameters": {"details": True}}
    answered = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body)
    )
    assert answered["ContentType"] == "application/jsonlines"
    raw = b"".join(event["PayloadPart"]["Bytes"] for event in answered["Body"])
    told = [json.loads(line) for line in raw.splitlines()]
    assert told[-1]["generated_text"] == "".join(one["token"]["text"] or "" for one in told)
    assert told[-1]["details"]["finish_reason"] == "eos_token"


def test_what_is_described_is_what_was_given(sagemaker: Any, endpoint: str) -> None:
    found = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert found["EndpointStatus"] == "InService"
    (variant,) = found["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"] == 1
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    assert model["PrimaryContainer"]["Environment"] == {"OPTION_MODEL_ID": MODEL}
    assert model["ExecutionRoleArn"] == ROLE
    tags = sagemaker.list_tags(ResourceArn=model["ModelArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "search"}]


def test_tags_come_and_go(sagemaker: Any, endpoint: str) -> None:
    arn = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
    sagemaker.add_tags(
        ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    )
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": ""}]


def test_an_inference_component_lives_and_dies(sagemaker: Any, runtime: Any) -> None:
    endpoint = create_endpoint(
        sagemaker,
        {
            "InstanceType": "ml.g5.12xlarge",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {
                "Status": "ENABLED",
                "MinInstanceCount": 1,
                "MaxInstanceCount": 2,
            },
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        },
    )
    model, name = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL}), fresh("component")
    sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint,
        VariantName="AllTraffic",
        Specification={
            "ModelName": model,
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128},
        },
        RuntimeConfig={"CopyCount": 1},
    )
    found = settled(sagemaker, name)
    assert found["InferenceComponentStatus"] == "InService"
    assert found["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    assert (
        "oak"
        in invoke(runtime, endpoint, {"inputs": PROMPT}, InferenceComponentName=name)[
            "generated_text"
        ]
    )
    with pytest.raises(ClientError) as nameless:
        invoke(runtime, endpoint, {"inputs": PROMPT})
    refused(nameless, "ValidationError", 400)
    with pytest.raises(ClientError) as occupied:
        sagemaker.delete_endpoint(EndpointName=endpoint)
    refused(occupied, "ResourceInUse", 400)
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{"VariantName": "Green"}]
    )
    with pytest.raises(ClientError, match=f"{name} .on AllTraffic.") as occupied:
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=name)
    refused(occupied, "ValidationException", 400)
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": 2}
    )
    assert settled(sagemaker, name)["RuntimeConfig"]["CurrentCopyCount"] == 2
    listed = sagemaker.list_inference_components(EndpointNameEquals=endpoint)
    assert [one["InferenceComponentName"] for one in listed["InferenceComponents"]] == [name]
    sagemaker.delete_inference_component(InferenceComponentName=name)
    sagemaker.delete_endpoint(EndpointName=endpoint)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint, WaiterConfig=QUICK)


def settled(sagemaker: Any, name: str) -> dict[str, Any]:
    """A component, once it is no longer on its way."""
    for _ in range(100):
        found: dict[str, Any] = sagemaker.describe_inference_component(InferenceComponentName=name)
        if found["InferenceComponentStatus"] not in ("Creating", "Updating"):
            return found
    raise AssertionError(f"{name} stays {found['InferenceComponentStatus']}")


def test_a_failure_has_its_reason(platform: Platform, sagemaker: Any) -> None:
    s3 = platform.boto3("s3")
    bucket = fresh("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="code.tar.gz", Body=packed("option.model_id=acme/absent\n"))
    model = create_model(sagemaker, {}, ModelDataUrl=f"s3://{bucket}/code.tar.gz")
    name = fresh("endpoint")
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{"VariantName": "blue", "ModelName": model}]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(WaiterError, match="Failed"):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICK)
    assert "acme/absent" in sagemaker.describe_endpoint(EndpointName=name)["FailureReason"]


def test_serving_properties_name_the_model(
    platform: Platform, sagemaker: Any, runtime: Any
) -> None:
    s3 = platform.boto3("s3")
    bucket = fresh("bucket")
    s3.create_bucket(Bucket=bucket)
    text = f"engine=MPI\noption.model_id={MODEL}\noption.tgi_compat=true\n"
    s3.put_object(Bucket=bucket, Key="code.tar.gz", Body=packed(text))
    model = create_model(sagemaker, {}, ModelDataUrl=f"s3://{bucket}/code.tar.gz")
    endpoint = create_endpoint(sagemaker, {"ModelName": model})
    assert "oak" in invoke(runtime, endpoint, {"inputs": PROMPT})[0]["generated_text"]


def test_a_containers_refusal_is_a_model_error(runtime: Any, endpoint: str, tgi: str) -> None:
    body = {"inputs": PROMPT, "parameters": {"max_new_tokens": -1}}
    with pytest.raises(runtime.exceptions.ModelError) as raised:
        invoke(runtime, endpoint, body)
    response = refused(raised, "ModelError", 424)
    assert response["OriginalStatusCode"] == 424
    told = json.loads(response["OriginalMessage"])
    assert told["code"] == 424
    assert "max_new_tokens" in told["error"]
    with pytest.raises(runtime.exceptions.ModelError) as raised:
        invoke(runtime, tgi, body)
    assert raised.value.response["OriginalStatusCode"] == 422


def test_an_unknown_adapter_is_the_containers_to_refuse(runtime: Any, endpoint: str) -> None:
    with pytest.raises(runtime.exceptions.ModelError, match="Adapter es is not registered"):
        invoke(runtime, endpoint, {"inputs": [PROMPT], "adapters": ["es"]})


def test_what_is_not_there_is_told_in_awss_words(sagemaker: Any, runtime: Any) -> None:
    for read, member, said in (
        (sagemaker.describe_endpoint, "EndpointName", "Could not find endpoint "),
        (sagemaker.describe_model, "ModelName", "Could not find model "),
        (sagemaker.describe_endpoint_config, "EndpointConfigName", "Could not find endpoint conf"),
        (sagemaker.delete_inference_component, "InferenceComponentName", "Could not find infer"),
    ):
        with pytest.raises(ClientError, match=said) as raised:
            read(**{member: "absent"})
        refused(raised, "ValidationException", 400)
    with pytest.raises(ClientError, match="Endpoint absent of account") as raised:
        invoke(runtime, "absent", {"inputs": "x"})
    refused(raised, "ValidationError", 400)


def test_names_are_taken_once(sagemaker: Any, endpoint: str) -> None:
    with pytest.raises(ClientError, match="already existing endpoint") as raised:
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
    refused(raised, "ValidationException", 400)


def test_another_tenants_endpoint_answers_as_one_that_is_not_there(
    platform: Platform, endpoint: str
) -> None:
    other = platform.keys(fresh("tenant"))
    runtime = platform.boto3("sagemaker-runtime", other)
    answers = []
    for name in (endpoint, "absent"):
        with pytest.raises(ClientError) as raised:
            invoke(runtime, name, {"inputs": "x"})
        answers.append(raised.value.response["Error"]["Message"].replace(name, "NAME"))
    assert answers[0] == answers[1]
    control = platform.boto3("sagemaker", other)
    assert control.list_endpoints()["Endpoints"] == []
    assert control.list_models(SortBy="Name", MaxResults=1)["Models"] == []
    with pytest.raises(ClientError):
        control.delete_endpoint(EndpointName=endpoint)


def test_listings_have_pages(sagemaker: Any) -> None:
    for _ in range(3):
        create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    pages = sagemaker.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 2})
    names = [one["ModelName"] for page in pages for one in page["Models"]]
    assert len(names) == len(set(names)) >= 3
    newest = sagemaker.list_models(SortBy="CreationTime", SortOrder="Descending")["Models"]
    times = [one["CreationTime"] for one in newest]
    assert times == sorted(times, reverse=True)


def test_a_models_own_name_is_an_endpoint_that_nobody_creates(runtime: Any) -> None:
    assert "oak" in invoke(runtime, MODEL, {"inputs": PROMPT})[0]["generated_text"]
