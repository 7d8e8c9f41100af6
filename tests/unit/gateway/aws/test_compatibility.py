"""Coverage: every operation of every model, told as real, partial or absent."""

from gateway.aws.compatibility import coverage, render
from gateway.aws.protocol import models
from gateway.aws.protocol.identity import OperationId
from gateway.aws.registry import Call, Operation, Parameters


async def _handler(_: Call, __: Parameters) -> Parameters:
    return {}


def _served(service: str, name: str, missing: str) -> Operation:
    return Operation(OperationId(service, name), _handler, missing, lambda _: "*")


_SERVED = {
    operation.id: operation
    for operation in (
        _served("sts", "GetCallerIdentity", ""),
        _served("bedrock-agent-runtime", "Retrieve", "guardrails"),
    )
}


def test_every_operation_of_every_model_is_listed_once() -> None:
    rows = coverage(_SERVED)
    assert len(rows) == sum(len(models.service(name).operations) for name in models.SERVICES)
    assert len({(row["service"], row["operation"]) for row in rows}) == len(rows)


def test_what_is_missing_makes_an_operation_partial() -> None:
    rows = {(row["service"], row["operation"]): row for row in coverage(_SERVED)}
    assert rows["sts", "GetCallerIdentity"]["status"] == "real"
    retrieve = rows["bedrock-agent-runtime", "Retrieve"]
    assert (retrieve["status"], retrieve["missing"]) == ("partial", "guardrails")
    assert rows["s3", "CreateSession"]["status"] == "absent"


def test_the_page_names_every_operation_that_is_served() -> None:
    page = render()
    for row in coverage():
        assert row["operation"] in page
