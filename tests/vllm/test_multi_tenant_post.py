"""The code of the posts on multi-tenant LoRA serving and LMI containers, as it is printed there.

Only names differ: one tiny base model stands for those of the posts, deployed twice, and a sleep
stands where the posts let their reader wait.
"""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.platform import Platform
from tests.support.vllm import NAME, Tiny

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
variant_name, endpoint_name, endpoint_config_name = "AllTraffic", "lmi-lora", "lmi-lora-config"


@pytest.fixture(scope="module")
def artifact(vllm_platform: Platform, tiny: Tiny) -> str:
    """adapters.tar.gz, as `tar czvf adapters.tar.gz -C llama-lora-multi-adapter .` makes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("es", "fr"):
            for file in sorted(Path(tiny.adapters[name]).glob("adapter_*")):
                tar.add(file, f"./adapters/{name}/{file.name}")
    s3 = vllm_platform.boto3("s3")
    s3.create_bucket(Bucket="model-bucket")
    s3.put_object(Bucket="model-bucket", Key="code/adapters.tar.gz", Body=packed.getvalue())
    return "s3://model-bucket/code/adapters.tar.gz"


@pytest.fixture(scope="module")
def sm_client(vllm_platform: Platform) -> Any:
    return vllm_platform.boto3("sagemaker")


@pytest.fixture(scope="module")
def smr_client(vllm_platform: Platform) -> Any:
    return vllm_platform.boto3("sagemaker-runtime", read_timeout=120)


@pytest.fixture(scope="module")
def endpoint(sm_client: Any) -> Iterator[str]:
    sm_client.create_endpoint_config(
        EndpointConfigName=endpoint_config_name,
        ExecutionRoleArn=ROLE,
        ProductionVariants=[
            {
                "VariantName": variant_name,
                "InstanceType": "ml.g5.12xlarge",
                "InitialInstanceCount": 1,
                "ModelDataDownloadTimeoutInSeconds": 1200,
                "ContainerStartupHealthCheckTimeoutInSeconds": 1200,
                "ManagedInstanceScaling": {
                    "Status": "ENABLED",
                    "MinInstanceCount": 1,
                    "MaxInstanceCount": 1,
                },
                "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
            },
        ],
    )
    sm_client.create_endpoint(
        EndpointName=f"{endpoint_name}", EndpointConfigName=endpoint_config_name
    )
    sm_client.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    yield endpoint_name
    # As the post cleans up: nothing waits for the components to be gone.
    for name in ("llama-component", "mistral-component"):
        sm_client.delete_inference_component(InferenceComponentName=name)
    sm_client.delete_endpoint(EndpointName=endpoint_name)
    sm_client.delete_endpoint_config(EndpointConfigName=endpoint_config_name)
    for name in ("llama", "mistral"):
        sm_client.delete_model(ModelName=name)
    sm_client.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


@pytest.fixture(scope="module")
def components(sm_client: Any, endpoint: str, artifact: str) -> dict[str, str]:
    named = {}
    for name, model_id in (("llama", NAME), ("mistral", NAME)):
        env_generation = {
            "OPTION_MODEL_ID": model_id,
            "OPTION_TRUST_REMOTE_CODE": "true",
            "OPTION_TENSOR_PARALLEL_DEGREE": "2",
            "OPTION_ROLLING_BATCH": "lmi-dist",
            "OPTION_MAX_ROLLING_BATCH_SIZE": "32",
            "OPTION_DTYPE": "fp16",
            "OPTION_ENABLE_LORA": "true",
            "OPTION_GPU_MEMORY_UTILIZATION": "0.8",
            "OPTION_MAX_LORA_RANK": "64",
            "OPTION_MAX_CPU_LORAS": "4",
        }
        sm_client.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.27.0-"
                "deepspeed0.12.6-cu121",
                "Environment": env_generation,
                "ModelDataUrl": artifact,
            },
        )
        sm_client.create_inference_component(
            InferenceComponentName=f"{name}-component",
            EndpointName=endpoint,
            VariantName=variant_name,
            Specification={
                "ModelName": name,
                "StartupParameters": {
                    "ModelDataDownloadTimeoutInSeconds": 1200,
                    "ContainerStartupHealthCheckTimeoutInSeconds": 1200,
                },
                "ComputeResourceRequirements": {
                    "NumberOfAcceleratorDevicesRequired": 2,
                    "MinMemoryRequiredInMb": 7 * 2 * 1024,
                },
            },
            RuntimeConfig={"CopyCount": 1},
        )
        named[name] = f"{name}-component"
    for name in named.values():
        _await(sm_client, name)
    return named


def _await(sm_client: Any, name: str) -> None:
    for _ in range(240):
        told = sm_client.describe_inference_component(InferenceComponentName=name)
        if told["InferenceComponentStatus"] == "InService":
            return
        assert told["InferenceComponentStatus"] == "Creating", told.get("FailureReason")
        time.sleep(0.5)
    raise AssertionError(f"{name} does not start")


def test_each_request_names_its_adapter(smr_client: Any, components: dict[str, str]) -> None:
    said = {}
    for component in components.values():
        for adapter in ("es", "fr", ""):
            response_model = smr_client.invoke_endpoint(
                InferenceComponentName=component,
                EndpointName=endpoint_name,
                Body=json.dumps(
                    {"inputs": ["Piensa en una excusa creativa"], "adapters": [adapter]}
                ),
                ContentType="application/json",
            )
            (answer,) = json.loads(response_model["Body"].read().decode("utf8"))
            said[component, adapter] = answer["generated_text"]
    for component in components.values():
        assert len({said[component, adapter] for adapter in ("es", "fr", "")}) == 3
    llama, mistral = components.values()
    assert all(said[llama, name] == said[mistral, name] for name in ("es", "fr", ""))


def test_one_batch_mixes_adapters(smr_client: Any, components: dict[str, str]) -> None:
    body = {"inputs": ["Hello"] * 3, "adapters": ["es", "", "fr"]}
    together = _invoke(smr_client, components["llama"], body)
    alone = [
        _invoke(smr_client, components["llama"], {"inputs": "Hello", "adapters": name})
        for name in ("es", "", "fr")
    ]
    assert together == alone


def test_the_header_beats_the_body(smr_client: Any, components: dict[str, str]) -> None:
    def add(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amzn-SageMaker-Adapter-Identifier"] = "fr"

    body = {"inputs": "Hello", "adapters": "es"}
    event = "before-call.sagemaker-runtime.InvokeEndpoint"
    smr_client.meta.events.register(event, add)
    try:
        by_header = _invoke(smr_client, components["llama"], body)
    finally:
        smr_client.meta.events.unregister(event, add)
    assert by_header == _invoke(smr_client, components["llama"], {**body, "adapters": "fr"})


def _invoke(smr_client: Any, component: str, body: dict[str, Any]) -> Any:
    answered = smr_client.invoke_endpoint(
        InferenceComponentName=component,
        EndpointName=endpoint_name,
        Body=json.dumps(body),
        ContentType="application/json",
    )
    return json.loads(answered["Body"].read())


class LineIterator:
    """The post's own helper."""

    def __init__(self, stream: Any) -> None:
        self.byte_iterator = iter(stream)
        self.buffer = io.BytesIO()
        self.read_pos = 0

    def __iter__(self) -> "LineIterator":
        return self

    def __next__(self) -> bytes:
        while True:
            self.buffer.seek(self.read_pos)
            line = self.buffer.readline()
            if line and line[-1] == ord("\n"):
                self.read_pos += len(line)
                return line[:-1]
            try:
                chunk = next(self.byte_iterator)
            except StopIteration:
                if self.read_pos < self.buffer.getbuffer().nbytes:
                    continue
                raise
            self.buffer.seek(0, io.SEEK_END)
            self.buffer.write(chunk["PayloadPart"]["Bytes"])


@pytest.fixture(scope="module")
def lmi(sm_client: Any, vllm_platform: Platform) -> Iterator[str]:
    """The post on LMI containers: serving.properties in an archive, one model on the variant."""
    text = (
        b"engine=MPI \noption.model_id=" + NAME.encode() + b" \n"
        b"option.tensor_parallel_degree=max \noption.max_rolling_batch_size=32 \n"
        b"option.rolling_batch=auto \noption.model_loading_timeout = 7200\n"
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("mymodel/serving.properties")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    s3 = vllm_platform.boto3("s3")
    s3.create_bucket(Bucket="lmi-code")
    s3.put_object(Bucket="lmi-code", Key="mymodel.tar.gz", Body=packed.getvalue())
    name = "mixtral-lmi-model"
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.26.0-tensorrtllm"
    container = {"Image": image, "ModelDataUrl": "s3://lmi-code/mymodel.tar.gz"}
    sm_client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": variant_name, "ModelName": name, "InitialInstanceCount": 1}
    sm_client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sm_client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sm_client.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    yield name
    sm_client.delete_endpoint(EndpointName=name)
    sm_client.delete_endpoint_config(EndpointConfigName=name)
    sm_client.delete_model(ModelName=name)


def test_the_posts_first_loop_finds_a_probability_for_each_token(smr_client: Any, lmi: str) -> None:
    body = {"inputs": "Say hello", "parameters": {"max_new_tokens": 16, "details": True}}
    resp = smr_client.invoke_endpoint_with_response_stream(
        EndpointName=lmi, Body=json.dumps(body), ContentType="application/json"
    )
    event_stream = resp["Body"]
    overall_log_prob = []
    for line in LineIterator(event_stream):
        resp = json.loads(line)
        if resp["token"].get("text") != None:  # noqa: E711 - the post's own line
            token_log_prob = resp["token"]["log_prob"]
            overall_log_prob.append(token_log_prob)
        elif resp["generated_text"] != None:  # noqa: E711 - the post's own line
            generated_text = resp["generated_text"]
    overall_score = np.exp(np.mean(overall_log_prob))
    assert len(overall_log_prob) == 16
    assert 0 < overall_score <= 1
    whole = smr_client.invoke_endpoint(
        EndpointName=lmi, Body=json.dumps(body), ContentType="application/json"
    )
    assert json.loads(whole["Body"].read())["generated_text"] == generated_text


def test_the_posts_second_loop_chains_requests(smr_client: Any, lmi: str) -> None:
    def inference(payload: dict[str, Any]) -> Any:
        resp = smr_client.invoke_endpoint_with_response_stream(
            EndpointName=lmi, Body=json.dumps(payload), ContentType="application/json"
        )
        event_stream = resp["Body"]
        text_output = []
        for line in LineIterator(event_stream):
            resp = json.loads(line)
            if resp["token"].get("text") != None:  # noqa: E711 - the post's own line
                token = resp["token"]["text"]
                text_output.append(token)
            if resp.get("details") != None:  # noqa: E711 - the post's own line
                finish_reason = resp["details"]["finish_reason"]
                return payload["inputs"] + "".join(text_output), finish_reason, len(text_output)
        return None

    payload = {"inputs": "Say hello", "parameters": {"max_new_tokens": 8, "details": True}}
    total_tokens = 0
    for _ in range(3):  # the post goes on until the model ends, which a random one never does
        output_text, finish_reason, out_token_len = inference(payload)
        assert finish_reason == "length"
        payload["inputs"] = output_text
        total_tokens += out_token_len
    assert total_tokens == 24
    once = {"inputs": "Say hello", "parameters": {"max_new_tokens": 24}}
    whole = smr_client.invoke_endpoint(
        EndpointName=lmi, Body=json.dumps(once), ContentType="application/json"
    )
    assert payload["inputs"] == "Say hello" + json.loads(whole["Body"].read())["generated_text"]
