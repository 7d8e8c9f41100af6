"""What the tests of SageMaker share: endpoints made with boto3, and how they are asked."""

import io
import json
import tarfile
from typing import Any
from uuid import uuid4

MODEL = "extractive"
PROMPT = "<context>The bridge of Alder is made of oak.</context>\nWhat is the bridge made of?"
ROLE = "arn:aws:iam::123456789012:role/any"
QUICK = {"Delay": 1, "MaxAttempts": 30}


def fresh(what: str) -> str:
    return f"{what}-{uuid4().hex[:8]}"


def create_model(sagemaker: Any, environment: dict[str, str], **container: Any) -> str:
    name = fresh("model")
    made = sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": "djl-inference:0.27.0", "Environment": environment, **container},
        Tags=[{"Key": "team", "Value": "search"}],
    )
    assert made["ModelArn"].endswith(f":model/{name}")
    return name


def create_endpoint(sagemaker: Any, variant: dict[str, Any], **config: Any) -> str:
    name = fresh("endpoint")
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ExecutionRoleArn=ROLE,
        ProductionVariants=[{"VariantName": "AllTraffic", **variant}],
        **config,
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICK)
    return name


def invoke(runtime: Any, endpoint: str, body: object, **more: Any) -> Any:
    answered = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body), **more
    )
    return json.loads(answered["Body"].read())


def packed(properties: str) -> bytes:
    """An archive as the LMI containers take it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("./serving.properties")
        entry.size = len(properties)
        tar.addfile(entry, io.BytesIO(properties.encode()))
    return archive.getvalue()
