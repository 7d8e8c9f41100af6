"""The step that is ours: an operation's handler, from its look-up to what it gave."""

from collections.abc import Mapping

from pydantic import ValidationError

from contracts.contract import invalid_member
from gateway.aws.protocol.failures import OperationAbsent
from gateway.aws.protocol.identity import OperationId
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.registry import Call, Operation, Parameters, Reply
from kit.auth.principal import Principal
from kit.auth.scopes import require


def served(operations: Mapping[OperationId, Operation], routed: RoutedOperation) -> Operation:
    """Raises OperationAbsent, which names it, for an operation that AWS has and we lack."""
    operation = operations.get(routed.id)
    if operation is None:
        raise OperationAbsent(
            f"{routed.id} is not served by Undercroft; see GET /api/v1/compatibility."
        )
    return operation


def authorize(principal: Principal, operation: Operation, resource: str) -> None:
    require(principal.scopes, str(operation.id), resource)


async def operate(operation: Operation, call: Call, parameters: Parameters) -> Reply:
    try:
        answer = await operation.handler(call, parameters)
    except ValidationError as error:
        raise invalid_member(error) from error
    return answer if isinstance(answer, Reply) else Reply(answer)
