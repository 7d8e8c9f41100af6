"""OpenAI's API below a SageMaker endpoint, and OpenAI's bodies sent to the endpoint itself."""

import json
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.sagemaker_support import MODEL, PROMPT, create_endpoint, create_model

MESSAGES: Any = [{"role": "user", "content": PROMPT}]
SMALL = "text-embedding-3-small"


@pytest.fixture(scope="module")
def endpoint(platform: Platform) -> str:
    sagemaker = platform.boto3("sagemaker")
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    return create_endpoint(sagemaker, {"ModelName": model})


def at(platform: Platform, endpoint: str) -> openai.OpenAI:
    return platform.openai().with_options(base_url=f"{platform.url}/endpoints/{endpoint}/openai/v1")


def invoked(platform: Platform, endpoint: str, **body: Any) -> Any:
    runtime = platform.boto3("sagemaker-runtime")
    answered = runtime.invoke_endpoint(EndpointName=endpoint, Body=json.dumps(body))
    return json.load(answered["Body"])


@pytest.mark.parametrize("name", ["", MODEL, "ENDPOINT", "lmi", "tgi"])
def test_the_names_of_an_endpoints_model_mean_itself(
    platform: Platform, endpoint: str, name: str
) -> None:
    name = endpoint if name == "ENDPOINT" else name
    made = at(platform, endpoint).chat.completions.create(model=name, messages=MESSAGES)
    assert "oak" in (made.choices[0].message.content or "")
    answered = invoked(platform, endpoint, model=name, messages=MESSAGES)
    assert "oak" in answered["choices"][0]["message"]["content"]
    assert "oak" in invoked(platform, endpoint, model=name, inputs=PROMPT)["generated_text"]


@pytest.mark.parametrize("name", ["my-adapter", SMALL])
def test_another_name_is_that_of_an_adapter_which_must_be_there(
    platform: Platform, endpoint: str, name: str
) -> None:
    with pytest.raises(openai.NotFoundError, match=name):
        at(platform, endpoint).chat.completions.create(model=name, messages=MESSAGES)
    for body in ({"messages": MESSAGES}, {"prompt": PROMPT}, {"inputs": PROMPT}):
        with pytest.raises(ClientError, match=name) as raised:
            invoked(platform, endpoint, model=name, **body)
        assert raised.value.response["Error"]["Code"] == "ModelError"


def test_a_model_that_is_no_name_is_refused(platform: Platform, endpoint: str) -> None:
    for body in ({"messages": MESSAGES}, {"inputs": PROMPT}):
        with pytest.raises(ClientError, match="model"):
            invoked(platform, endpoint, model=7, **body)


def test_an_endpoint_lists_its_own_model_only(platform: Platform, endpoint: str) -> None:
    listed = [model.to_dict()["served_by"] for model in at(platform, endpoint).models.list()]
    assert len(listed) > 0
    assert len(set(listed)) == 1
    assert at(platform, endpoint).models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        at(platform, endpoint).models.retrieve(SMALL)


def test_embeddings_are_made_by_an_endpoint_of_such_a_model_alone(
    platform: Platform, endpoint: str
) -> None:
    made = at(platform, SMALL).embeddings.create(model=SMALL, input="oak")
    assert len(made.data) == 1
    assert at(platform, SMALL).post("/embeddings", body={"input": "oak"}, cast_to=object)
    with pytest.raises(openai.NotFoundError):
        at(platform, SMALL).embeddings.create(model="absent", input="oak")
    with pytest.raises(openai.BadRequestError, match="makes no embeddings"):
        at(platform, endpoint).embeddings.create(model=SMALL, input="oak")


def test_an_endpoint_that_is_not_there_is_not_found(platform: Platform) -> None:
    client = at(platform, "absent")
    for ask in (
        lambda: client.chat.completions.create(model="x", messages=MESSAGES),
        lambda: client.embeddings.create(model=SMALL, input="oak"),
        client.models.list,
        client.batches.list,
    ):
        with pytest.raises(openai.NotFoundError):
            ask()
