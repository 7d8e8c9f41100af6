"""One question in every dialect, whole and streamed, has one answer: that of PEFT."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.adapters import archive
from tests.support.platform import Platform
from tests.support.vllm import NAME
from tests.vllm.world import OWN, PROMPTS, TOKENS, World

PARAMETERS = {"max_new_tokens": TOKENS, "do_sample": False}
GREEDY = {"max_tokens": TOKENS, "temperature": 0}


@pytest.fixture(scope="module")
def component(world: World) -> Iterator[dict[str, str]]:
    """An inference component of the tiny model, with the adapters of an archive."""
    sagemaker, s3 = (world.platform.boto3(name, world.owner) for name in ("sagemaker", "s3"))
    packed = archive(
        {
            f"adapters/{name}/{file.name}": file.read_bytes()
            for name in OWN
            for file in world.tiny.adapters[name].glob("adapter_*")
        }
    )
    s3.create_bucket(Bucket="hosted-adapters")
    s3.put_object(Bucket="hosted-adapters", Key="adapters.tar.gz", Body=packed)
    role, variant = "arn:aws:iam::000000000000:role/any", "AllTraffic"
    sagemaker.create_model(
        ModelName="agreeing",
        ExecutionRoleArn=role,
        PrimaryContainer={
            "Image": "djl-inference:lmi",
            "Environment": {"OPTION_MODEL_ID": NAME, "OPTION_ENABLE_LORA": "true"},
            "ModelDataUrl": "s3://hosted-adapters/adapters.tar.gz",
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="agreeing",
        ExecutionRoleArn=role,
        ProductionVariants=[
            {"VariantName": variant, "InstanceType": "ml.g5.2xlarge", "InitialInstanceCount": 1}
        ],
    )
    sagemaker.create_endpoint(EndpointName="agreeing", EndpointConfigName="agreeing")
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName="agreeing", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    sagemaker.create_inference_component(
        InferenceComponentName="agreeing-tiny",
        EndpointName="agreeing",
        VariantName=variant,
        Specification={
            "ModelName": "agreeing",
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128},
        },
        RuntimeConfig={"CopyCount": 1},
    )
    _await_component(sagemaker, "agreeing-tiny")
    yield {"EndpointName": "agreeing", "InferenceComponentName": "agreeing-tiny"}
    sagemaker.delete_inference_component(InferenceComponentName="agreeing-tiny")
    sagemaker.delete_endpoint(EndpointName="agreeing")
    sagemaker.delete_endpoint_config(EndpointConfigName="agreeing")
    sagemaker.delete_model(ModelName="agreeing")


def _await_component(sagemaker: Any, name: str) -> None:

    for _ in range(240):
        told = sagemaker.describe_inference_component(InferenceComponentName=name)
        if told["InferenceComponentStatus"] == "InService":
            return
        assert told["InferenceComponentStatus"] == "Creating", told
        time.sleep(0.5)
    raise AssertionError(told)


@pytest.mark.parametrize("adapter", ["", *OWN])
def test_openai_streams_what_it_answers_whole(world: World, adapter: str) -> None:
    client = world.platform.openai(world.owner)
    parts = client.completions.create(
        model=adapter or NAME, prompt=PROMPTS[1], stream=True, **GREEDY
    )
    written = "".join(part.choices[0].text for part in parts if part.choices)
    assert written == world.expected[adapter][1]


def test_one_lmi_batch_mixes_adapters(world: World, component: dict[str, str]) -> None:
    runtime = world.platform.boto3("sagemaker-runtime", world.owner)
    adapters = ["", *OWN]
    body = {"inputs": [PROMPTS[1]] * 5, "adapters": adapters, "parameters": PARAMETERS}
    answered = runtime.invoke_endpoint(
        **component, Body=json.dumps(body), ContentType="application/json"
    )
    texts = [one["generated_text"] for one in json.load(answered["Body"])]
    assert texts == [world.expected[adapter][1] for adapter in adapters]


@pytest.mark.parametrize("adapter", ["", *OWN])
def test_an_endpoint_knows_its_adapters_as_models_in_openais_form_too(
    world: World, component: dict[str, str], adapter: str
) -> None:
    reached = {"X-Amzn-SageMaker-Inference-Component": component["InferenceComponentName"]}
    endpoint = f"{world.platform.url}/endpoints/{component['EndpointName']}/openai/v1"
    client = world.platform.openai(world.owner).with_options(base_url=endpoint)
    asked: dict[str, Any] = {"prompt": PROMPTS[1], **GREEDY}
    expected = world.expected[adapter][1]
    by_name = client.completions.create(model=adapter or NAME, extra_headers=reached, **asked)
    assert by_name.choices[0].text == expected
    by_header = client.completions.create(
        model=NAME,
        extra_headers={**reached, "X-Amzn-SageMaker-Adapter-Identifier": adapter},
        **asked,
    )
    assert by_header.choices[0].text == expected
    runtime = world.platform.boto3("sagemaker-runtime", world.owner)
    answered = runtime.invoke_endpoint(
        **component, Body=json.dumps({"model": adapter or NAME, **asked})
    )
    assert json.load(answered["Body"])["choices"][0]["text"] == expected


@pytest.mark.parametrize("adapter", ["", *OWN])
def test_lmi_streams_what_it_answers_whole(
    world: World, component: dict[str, str], adapter: str
) -> None:
    runtime = world.platform.boto3("sagemaker-runtime", world.owner)
    body: dict[str, Any] = {"inputs": PROMPTS[0], "parameters": {**PARAMETERS, "details": True}}
    body |= {"adapters": adapter} if adapter else {}
    answered = runtime.invoke_endpoint_with_response_stream(
        **component, Body=json.dumps(body), ContentType="application/json"
    )
    data = b"".join(event["PayloadPart"]["Bytes"] for event in answered["Body"])
    *lines, last = [json.loads(line) for line in data.splitlines() if line.strip()]
    assert "".join(line["token"]["text"] for line in lines) == world.expected[adapter][0]
    assert all(line["token"]["log_prob"] <= 0 for line in lines)
    assert len(lines) == TOKENS
    assert last["token"]["text"] is None
    assert last["generated_text"] == world.expected[adapter][0]
    assert last["details"]["finish_reason"] == "length"


@pytest.mark.parametrize("adapter", ["", "es"])
def test_lmi_tells_of_the_prompts_tokens_apart_from_the_answers(
    world: World, component: dict[str, str], adapter: str
) -> None:
    runtime = world.platform.boto3("sagemaker-runtime", world.owner)
    parameters = {**PARAMETERS, "details": True, "decoder_input_details": True}
    body = {"inputs": PROMPTS[0], "parameters": parameters}
    answered = runtime.invoke_endpoint(
        **component,
        Body=json.dumps(body | ({"adapters": adapter} if adapter else {})),
        ContentType="application/json",
    )
    told = json.load(answered["Body"])
    assert told["generated_text"] == world.expected[adapter][0]
    first, *others = told["details"]["prefill"]
    assert "".join(one["text"] for one in (first, *others)).endswith(PROMPTS[0])
    assert first["log_prob"] is None
    assert all(one["log_prob"] <= 0 for one in others)
    tokens = told["details"]["tokens"]
    assert "".join(one["text"] for one in tokens) == world.expected[adapter][0]
    assert len(tokens) == told["details"]["generated_tokens"] == TOKENS


@pytest.mark.parametrize("adapter", ["", "es", "it"])
def test_chats_agree_between_openai_and_converse(world: World, adapter: str) -> None:
    runtime = world.platform.boto3("bedrock-runtime", world.owner)
    client, model = world.platform.openai(world.owner), adapter or NAME
    chat = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": PROMPTS[0]}], **GREEDY
    )
    ask: dict[str, Any] = {
        "modelId": model,
        "messages": [{"role": "user", "content": [{"text": PROMPTS[0]}]}],
        "inferenceConfig": {"maxTokens": TOKENS, "temperature": 0},
    }
    whole = runtime.converse(**ask)
    parts = runtime.converse_stream(**ask)["stream"]
    written = "".join(
        part["contentBlockDelta"]["delta"]["text"] for part in parts if "contentBlockDelta" in part
    )
    said = chat.choices[0].message.content
    assert said == whole["output"]["message"]["content"][0]["text"] == written
    assert chat.usage is not None
    assert chat.usage.prompt_tokens == whole["usage"]["inputTokens"]


def test_a_familys_prompt_reaches_the_model_as_it_is(world: World) -> None:
    """Llama's InvokeModel, under a name of AWS that the tiny model stands in for."""
    runtime = world.platform.boto3("bedrock-runtime", world.owner)
    body = {"prompt": PROMPTS[1], "max_gen_len": TOKENS, "temperature": 0}
    answered = runtime.invoke_model(modelId="meta.llama2-13b-chat-v1", body=json.dumps(body))
    whole = json.load(answered["body"])
    assert whole["generation"] == world.expected[""][1]
    assert whole["stop_reason"] == "length"
    streamed = runtime.invoke_model_with_response_stream(
        modelId="meta.llama2-13b-chat-v1", body=json.dumps(body)
    )
    chunks = [json.loads(event["chunk"]["bytes"]) for event in streamed["body"]]
    assert "".join(one["generation"] for one in chunks) == world.expected[""][1]


def test_the_model_is_listed_with_its_adapters(world: World, vllm_platform: Platform) -> None:
    names = {model.id for model in vllm_platform.openai(world.owner).models.list()}
    assert {NAME, *OWN} <= names
    bedrock = vllm_platform.boto3("bedrock", world.owner)
    custom = {one["modelName"] for one in bedrock.list_custom_models()["modelSummaries"]}
    assert set(OWN) <= custom
    assert bedrock.get_custom_model(modelIdentifier="es")["baseModelArn"].endswith("local.tiny")
