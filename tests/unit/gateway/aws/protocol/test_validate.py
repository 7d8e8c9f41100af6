"""The model's bounds, reported in AWS's words with the member's name."""

from typing import Any

import pytest

from gateway.aws.protocol import models
from gateway.aws.protocol.failures import SerializationFailed, ValidationFailed
from gateway.aws.protocol.models import OperationSpec
from gateway.aws.protocol.patterns import translate
from gateway.aws.protocol.validate import validate

_RETRIEVE = models.service("bedrock-agent-runtime").operation("Retrieve")


def _retrieve(**search: Any) -> dict[str, Any]:
    return {
        "knowledgeBaseId": "ABCDEFGHIJ",
        "retrievalQuery": {"text": "what"},
        "retrievalConfiguration": {"vectorSearchConfiguration": search},
    }


def _failure(spec: OperationSpec, parameters: dict[str, Any]) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        validate(spec, parameters)
    return caught.value


_SEARCH = "retrievalConfiguration.vectorSearchConfiguration"
_EQUALS = {"equals": {"key": "year", "value": 2024}}


@pytest.mark.parametrize(
    ("parameters", "param", "constraint"),
    [
        (_retrieve(numberOfResults=0), f"{_SEARCH}.numberOfResults", "greater than or equal to 1"),
        (_retrieve(numberOfResults=101), f"{_SEARCH}.numberOfResults", "less than or equal to 100"),
        (_retrieve(numberOfResults="5"), f"{_SEARCH}.numberOfResults", "must be an integer"),
        (_retrieve(numberOfResults=True), f"{_SEARCH}.numberOfResults", "must be an integer"),
        (_retrieve(overrideSearchType="X"), f"{_SEARCH}.overrideSearchType", "[HYBRID, SEMANTIC]"),
        (_retrieve(filter={"andAll": [_EQUALS]}), f"{_SEARCH}.filter.andAll", "equal to 2"),
        (_retrieve(filter={"andAll": _EQUALS}), f"{_SEARCH}.filter.andAll", "must be a list"),
        (_retrieve(filter="x"), f"{_SEARCH}.filter", "must be a structure"),
        (_retrieve(filter={}), f"{_SEARCH}.filter", "exactly one"),
        (_retrieve(filter={**_EQUALS, "orAll": [_EQUALS] * 2}), f"{_SEARCH}.filter", "exactly one"),
        (
            _retrieve(filter={"andAll": [_EQUALS, {"equals": {"key": "a"}}]}),
            f"{_SEARCH}.filter.andAll.2.member.equals.value",
            "must not be null",
        ),
    ],
)
def test_what_breaks_a_bound_is_named(
    parameters: dict[str, Any], param: str, constraint: str
) -> None:
    error = _failure(_RETRIEVE, parameters)
    assert error.param == param
    assert error.message.startswith("1 validation error detected: Value")
    assert f"at '{param}' failed to satisfy constraint: Member must" in error.message
    assert constraint in error.message


def test_a_value_is_shown_as_aws_shows_it() -> None:
    message = _failure(_RETRIEVE, _retrieve(numberOfResults=101)).message
    assert message == (
        f"1 validation error detected: Value '101' at '{_SEARCH}.numberOfResults' failed to "
        "satisfy constraint: Member must have value less than or equal to 100"
    )


def test_every_failure_is_reported_at_once() -> None:
    error = _failure(_RETRIEVE, {"knowledgeBaseId": "not ten", "retrievalQuery": {"text": 5}})
    assert error.message.startswith("2 validation errors detected: ")
    assert "Value 'not ten' at 'knowledgeBaseId'" in error.message
    assert "at 'retrievalQuery.text'" in error.message


def test_a_sensitive_value_is_not_repeated() -> None:
    spec = models.service("bedrock-runtime").operation("InvokeModel")
    error = _failure(spec, {"modelId": "m", "body": "secret", "contentType": "application/json"})
    assert "secret" not in error.message


def test_filters_nested_beyond_reason_are_an_error_of_the_caller() -> None:
    nested: dict[str, Any] = _EQUALS
    for _ in range(5000):
        nested = {"andAll": [_EQUALS, nested]}
    with pytest.raises(SerializationFailed):
        validate(_RETRIEVE, _retrieve(filter=nested))


def test_a_pattern_with_unicode_classes_is_kept() -> None:
    tags = models.service("sagemaker").operation("AddTags")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/m"
    validate(tags, {"ResourceArn": arn, "Tags": [{"Key": "ключ 1", "Value": "é_/=+-@"}]})
    error = _failure(tags, {"ResourceArn": arn, "Tags": [{"Key": "k\n", "Value": "v"}]})
    assert error.param == "Tags.1.member.Key"


def test_only_patterns_that_mean_nothing_are_left_out() -> None:
    skipped = {
        (service, name)
        for service in models.SERVICES
        for name, shape in models.service(service).raw["shapes"].items()
        if "pattern" in shape and translate(shape["pattern"]) is None
    }
    assert skipped == {("sagemaker", "CustomerMetadataKey"), ("sagemaker", "CustomerMetadataValue")}
