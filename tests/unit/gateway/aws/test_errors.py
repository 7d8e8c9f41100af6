"""Names and statuses of errors: what modules declare is in the models, and every leaf renders."""

import pytest

from gateway.aws.errors import COMMON, wire_error
from gateway.aws.protocol import models
from gateway.aws.protocol.failures import OperationAbsent, SerializationFailed, ValidationFailed
from gateway.aws.protocol.identity import OperationId
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.protocol.wire import Protocol
from gateway.aws.registry import ErrorMembers, error_tables, errors, registered
from gateway.aws.served import MODULES
from gateway.aws.signature.errors import Refused
from kit.errors import LEAVES, Conflict, InvalidRequest, NotFound, PlatformError, UpstreamFailed


def _routed(service: str, name: str) -> RoutedOperation:
    protocol: Protocol = models.service(service).protocols[0]  # type: ignore[assignment]
    return RoutedOperation(models.service(service).operation(name), protocol, {})


_OPERATIONS = {
    "bedrock-agent-runtime": "Retrieve",
    "bedrock-runtime": "InvokeModel",
    "sagemaker": "CreateModel",
    "sagemaker-runtime": "InvokeEndpoint",
    "s3": "GetObject",
    "sts": "GetCallerIdentity",
}


def test_every_registered_operation_is_one_of_the_models() -> None:
    assert MODULES
    for operation in registered():
        assert operation.id.name in models.service(operation.id.service).operations


def test_every_declared_error_name_is_in_the_model_or_common() -> None:
    for (service, operation), table in error_tables().items():
        known = models.service(service).errors
        if operation:
            known = models.service(service).operation(operation).errors
        for name in table.values():
            assert name.code in {*known, *COMMON}, f"{service}:{operation} {name.code}"


@pytest.mark.parametrize("service", _OPERATIONS)
@pytest.mark.parametrize("leaf", LEAVES.values(), ids=lambda leaf: leaf.__name__)
def test_every_leaf_has_a_name_and_a_status_in_every_protocol(
    service: str, leaf: type[PlatformError]
) -> None:
    routed = _routed(service, _OPERATIONS[service])
    error = wire_error(leaf("why"), routed.protocol, routed)
    assert error.code[0].isupper()
    assert 400 <= error.status < 600
    if leaf.status < 500:
        assert error.status < 500 or error.code == "SlowDown"


@pytest.mark.parametrize(
    ("service", "error", "code", "status"),
    [
        ("sagemaker", NotFound("x"), "ValidationException", 400),
        ("sagemaker", Conflict("x"), "ResourceInUse", 400),
        ("sagemaker-runtime", InvalidRequest("x"), "ValidationError", 400),
        ("sagemaker-runtime", UpstreamFailed("x"), "ModelError", 424),
        ("sagemaker-runtime", LEAVES["rate_limited"]("x"), "ThrottlingException", 429),
        ("sagemaker-runtime", LEAVES["not_ready"]("x"), "ModelNotReadyException", 429),
        ("bedrock-runtime", LEAVES["not_ready"]("x"), "ModelNotReadyException", 429),
        ("bedrock-runtime", LEAVES["unavailable"]("x"), "ServiceUnavailableException", 503),
        ("bedrock-runtime", LEAVES["budget_spent"]("x"), "ServiceQuotaExceededException", 400),
        ("s3", LEAVES["rate_limited"]("x"), "SlowDown", 503),
        ("s3", SerializationFailed("x"), "MalformedXML", 400),
        ("s3", OperationAbsent("x"), "NotImplemented", 501),
        ("sts", OperationAbsent("x"), "NotImplemented", 501),
        ("bedrock-runtime", ValidationFailed("x"), "ValidationException", 400),
        ("bedrock-runtime", SerializationFailed("x"), "SerializationException", 400),
        ("bedrock-runtime", OperationAbsent("x"), "UnknownOperationException", 501),
        ("bedrock-runtime", UpstreamFailed("x"), "ModelErrorException", 424),
        (
            "bedrock-runtime",
            Refused("InvalidSignatureException", "x"),
            "InvalidSignatureException",
            403,
        ),
    ],
)
def test_names_are_those_of_the_service(
    service: str, error: PlatformError, code: str, status: int
) -> None:
    routed = _routed(service, _OPERATIONS[service])
    found = wire_error(error, routed.protocol, routed)
    assert (found.code, found.status) == (code, status)


def test_an_operations_own_table_comes_before_its_services() -> None:
    class _Broken(ErrorMembers, UpstreamFailed):
        def __init__(self) -> None:
            super().__init__("it broke")
            self.members = {"OriginalStatusCode": 500}

    errors("sagemaker-runtime", {_Broken: "ModelError"}, operation="InvokeEndpoint")
    routed = _routed("sagemaker-runtime", "InvokeEndpoint")
    try:
        found = wire_error(_Broken(), "rest-json", routed)
    finally:
        del error_tables()["sagemaker-runtime", "InvokeEndpoint"][_Broken]
    assert (found.code, found.message_name) == ("ModelError", "Message")
    assert found.members == {"OriginalStatusCode": 500}


def test_an_operation_has_one_name_everywhere() -> None:
    assert str(OperationId("s3", "GetObject")) == "s3:GetObject"
