"""Everything that this door serves: importing an operations module registers what it declares.

A new module is one line in the import and one in MODULES.
"""

from collections.abc import Mapping
from types import ModuleType

from gateway.aws.operations import sts
from gateway.aws.protocol.identity import OperationId
from gateway.aws.registry import Operation, registered

MODULES: tuple[ModuleType, ...] = (sts,)
SERVED: Mapping[OperationId, Operation] = {served.id: served for served in registered()}
