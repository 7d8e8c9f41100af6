"""What the examples of hosted models share: endpoints, and the models and components on them."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
from rich.console import Console

ROLE = "arn:aws:iam::000000000000:role/hosting"  # AWS wants one; here the key decides
_REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
LMI = f"{_REGISTRY}/djl-inference:0.27.0-deepspeed0.12.6-cu121"
TGI = f"{_REGISTRY}/huggingface-pytorch-tgi-inference:2.1.1-tgi2.0.1-gpu-py310-cu121-ubuntu22.04"
"""AWS's images are not run here; their names say which form of answers the endpoint writes."""

console = Console(highlight=False, width=110)
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")


def chosen_model(default: str) -> str:
    """The base model of the command line, which `undercroft up --model NAME=FOLDER` serves."""
    parser = ArgumentParser()
    parser.add_argument("--model", default=default, help=f"default: {default}")
    return str(parser.parse_args().model)


@contextmanager
def endpoint(name: str, model: str | None = None) -> Iterator[str]:
    """An endpoint's name, once it is in service; without a model it waits for components."""
    name = f"{name}-{uuid4().hex[:8]}"
    variant: dict[str, Any] = {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.g5.12xlarge",
        "InitialInstanceCount": 1,
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    if model:
        variant["ModelName"] = model
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=ROLE, ProductionVariants=[variant]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    try:
        with console.status(f"{name} starts ..."):
            _await(lambda: sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus")
        yield name
    finally:
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.delete_endpoint_config(EndpointConfigName=name)


@contextmanager
def hosted_model(
    name: str, environment: Mapping[str, str], *, image: str = LMI, artifact: str | None = None
) -> Iterator[str]:
    """A model's name: its container's settings, and the archive of its adapters."""
    name = f"{name}-{uuid4().hex[:8]}"
    container: dict[str, Any] = {"Image": image, "Environment": dict(environment)}
    if artifact:
        container["ModelDataUrl"] = artifact
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    try:
        yield name
    finally:
        sagemaker.delete_model(ModelName=name)


@contextmanager
def component(endpoint_name: str, model: str, *, accelerators: int = 1) -> Iterator[str]:
    """An inference component's name, once it is in service: one model's share of an endpoint."""
    name = f"{model}-component"
    sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint_name,
        VariantName="AllTraffic",
        Specification={
            "ModelName": model,
            "ComputeResourceRequirements": {
                "NumberOfAcceleratorDevicesRequired": accelerators,
                "MinMemoryRequiredInMb": 1024,
            },
        },
        RuntimeConfig={"CopyCount": 1},
    )
    try:
        with console.status(f"{name} starts ..."):
            _await(
                lambda: sagemaker.describe_inference_component(InferenceComponentName=name),
                "InferenceComponentStatus",
            )
        yield name
    finally:
        sagemaker.delete_inference_component(InferenceComponentName=name)


def ask(endpoint_name: str, payload: Mapping[str, Any], **more: Any) -> Any:
    """The answer of InvokeEndpoint, which is JSON."""
    answered = runtime.invoke_endpoint(
        EndpointName=endpoint_name,
        ContentType="application/json",
        Body=json.dumps(payload),
        **more,
    )
    return json.load(answered["Body"])


def _await(describe: Any, member: str) -> None:
    while True:
        told = describe()
        if told[member] == "InService":
            return
        if told[member] == "Failed":
            raise RuntimeError(told["FailureReason"])
        time.sleep(0.5)
