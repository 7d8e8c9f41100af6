"""What can be wrong with a request before any operation has seen it."""

from kit.errors import InvalidRequest, NotFound, Unsupported


class UnknownOperation(NotFound):
    """The request fits no operation of any model."""


class OperationAbsent(Unsupported):
    """AWS has the operation and this platform lacks all of it."""


class SerializationFailed(InvalidRequest):
    """The body is not what the protocol says it is: broken JSON, XML or form."""


class ValidationFailed(InvalidRequest):
    """Readable, but members are missing, of the wrong type, or out of the model's bounds."""
